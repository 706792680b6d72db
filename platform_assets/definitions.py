"""The only entry point of the code location: the defs folder, the platform's resource and the automation, merged."""

from pathlib import Path

import dagster as dg

from platform_assets.automation.conditions import automation_sensor
from resources.environment import current_environment
from resources.platform import PlatformResource

PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dg.definitions
def defs() -> dg.Definitions:
    """Everything under platform_assets/defs, with the resources of this process's environment."""
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(
            resources={"platform": PlatformResource.of(current_environment())},
            # one warehouse file has one writer: the steps of a run share one process and take turns
            executor=dg.in_process_executor,
            sensors=[automation_sensor()],
        ),
    )
