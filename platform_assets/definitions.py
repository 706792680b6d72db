"""The only entry point of the code location: the defs folder, the platform's resource and the automation, merged."""

from pathlib import Path

import dagster as dg

from platform_assets.automation.conditions import automation_sensor
from resources.environment import current_environment
from resources.platform import PlatformResource

@dg.definitions
def defs() -> dg.Definitions:
    """Everything under platform_assets/defs, with the resources of this process's environment."""
    # load_from_defs_folder would import every component library that is installed, to document its words in the
    # UI: seven seconds of every run for dagster-snowflake alone
    tree = dg.ComponentTree.for_project(Path(__file__).parent)
    return dg.Definitions.merge(
        tree.build_defs(tree.defs_module_path),
        dg.Definitions(
            component_tree=tree,
            resources={"platform": PlatformResource.of(current_environment())},
            # one warehouse file has one writer: the steps of a run share one process and take turns
            executor=dg.in_process_executor,
            sensors=[automation_sensor()],
        ),
    )
