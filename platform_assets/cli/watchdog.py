"""`platform-assets watchdog`: a small process beside the daemon, which reports that the daemon has stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from platform_assets.cli.places import require_dagster_home
from platform_assets.cli.project import project_of
from platform_assets.wording import counted

if TYPE_CHECKING:
    from platform_assets.alerts.incidents import Incident
    from platform_assets.alerts.sending import Sent


@click.command()
@click.option("--once", is_flag=True, help="Look once; the exit code is 1 if something has stopped.")
@click.option("--every", default=15.0, show_default=True, type=click.FloatRange(min=1), help="Seconds between looks.")
def watchdog(once: bool, every: float) -> None:
    """Look whether the daemon, sensors, schedules and alerts go on, and alert by alerts.yaml if one has stopped.

    It needs DAGSTER_HOME and the variables of the channels, and loads no definitions.
    """
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from platform_assets.alerts.routing.alerts_file import FILE
    from platform_assets.automation.alerting.watchdog import Watchdog

    require_dagster_home()
    project = project_of(Path.cwd())
    file = (project.defs_folder if project is not None else Path()) / FILE
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with dg.DagsterInstance.get() as instance:
        while not ended.is_set():
            stopped, problem = [], ""
            try:
                # the file may have been changed since the last look
                watch = Watchdog.of(instance, file)
                changed, sent = watch.look()
                stopped = [incident for incident in changed if incident.is_open]
                problem = watch.problem
                _say(changed, sent)
            except (SQLAlchemyError, dg.DagsterError, OSError) as error:
                # a text of SQLAlchemy has the statement with its values
                problem = f"the instance cannot be looked at: {type(error).__name__}"
            if problem and once:
                raise click.ClickException(problem)
            if problem:
                click.echo(problem, err=True)
            elif once:
                Watchdog.ended(instance)
                click.echo(f"{counted(len(stopped), 'thing has', 'things have')} stopped since the last look")
                raise SystemExit(1 if stopped else 0)
            ended.wait(every)
        Watchdog.ended(instance)


def _say(changed: Sequence[Incident], sent: Sent) -> None:
    # what goes on is seen at each look
    for incident in [each for each in changed if not each.is_open or each.seen == 1]:
        click.echo(f"{incident.subject}: {incident.message if incident.is_open else 'it goes on again'}")
    for name, why in sent.failed.items():
        click.echo(f"{name} has not taken an alert: {why}", err=True)
