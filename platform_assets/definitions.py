"""The only entry point of the code location: the defs folder, the platform's resource and the automation, merged."""

import functools
import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from platform_assets._compat import component_tree
from platform_assets.automation.alerting.sensor import alerts_sensor
from platform_assets.automation.conditions import automation_sensor
from platform_assets.automation.dead_runs import dead_runs_sensor
from platform_assets.automation.maintenance import maintenance_schedules
from platform_assets.automation.notifications import notification_sensors
from platform_assets.automation.retention import retention_schedules
from platform_assets.automation.status_page import STATUS_FILE, status_schedule
from platform_assets.components.snowflake_resource import snowflake_resources
from platform_assets.components.step_limits import install
from platform_assets.environment import Environment, current_environment
from platform_assets.execution import chosen
from platform_assets.retry_file import FILE, read_policies
from resources.by_environment import executor, platform_resources


def build(environment: Environment, *, project: Path = Path(__file__).parent) -> dg.Definitions:
    """Everything in the defs folder of ``project``, on the paths of ``environment``.

    ``project`` is a folder within a dg project: this one, unless it is said otherwise. Tests use this same assembly.
    Raises ``RetryFileError`` if its `retries.yaml` cannot be used.
    """
    # load_from_defs_folder would import every component library that is installed, to document its words in the
    # UI: seven seconds of every run for dagster-snowflake alone
    with chosen(environment.execution), _without_collections():
        tree = component_tree(project)
        pipelines = tree.build_defs(tree.defs_module_path)
    retries = tree.defs_module_path / FILE
    read_policies(retries)
    install(retries)
    return dg.Definitions.merge(
        pipelines,
        dg.Definitions(
            component_tree=tree,
            resources={
                **platform_resources(environment, retries=str(retries)),
                **snowflake_resources(environment.warehouse),
            },
            executor=executor(environment),
            sensors=[
                automation_sensor(),
                dead_runs_sensor(),
                alerts_sensor(project / "defs"),
                *notification_sensors(),
            ],
            schedules=[
                status_schedule(environment.home / STATUS_FILE),
                *retention_schedules(environment.quarantine_days),
                *maintenance_schedules(environment.warehouse, environment.snapshot_days),
            ],
        ),
    )


@contextmanager
def _without_collections() -> Iterator[None]:
    """Definitions are hundreds of thousands of objects, none of which is garbage: looking for it costs a tenth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of this process's environment."""
    # what is preview or beta here is the platform's choice; Dagster would say so in front of every command's answer
    for kind in (dg.BetaWarning, dg.PreviewWarning):
        warnings.simplefilter("ignore", kind)
    return _built(current_environment())


@functools.cache
def _built(environment: Environment) -> dg.Definitions:
    # a code server asks twice: to see what there is to load, and to load it
    return build(environment)
