"""`platform-assets warehouse plan` and `apply`: the access file against a warehouse, shown and carried out."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from platform_assets.cli.project import chosen_warehouse
from platform_assets.environment import without_password

if TYPE_CHECKING:
    from platform_assets.access.model import Wanted
    from platform_assets.access.plan import Change, Plan
    from platform_assets.cli.access_project import AccessOfProject

DIFFERENT = 2
_COLORS = {"+": "green", "~": "yellow", "-": "red"}
_WAREHOUSE = click.option(
    "--warehouse", "location", default=chosen_warehouse,
    show_default="PLATFORM_WAREHOUSE, that of the project's PlatformResources, or PLATFORM_HOME/warehouse.duckdb",
    help="The warehouse that is looked at.",
)  # fmt: skip
_FILE = click.option(
    "--file", type=click.Path(dir_okay=False, path_type=Path), show_default="access.yaml in the project's defs folder",
    help="The access file.",
)  # fmt: skip


@click.command()
@_WAREHOUSE
@_FILE
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if there is a difference.")
def plan(location: str, file: Path | None, detailed_exitcode: bool) -> None:
    """Show what `apply` would change, as the statements that it would run; nothing is changed.

    Roles, grants, masked columns and comments are those of the access file and the contracts.
    """
    from platform_assets.access.engines import engine_of
    from platform_assets.access.plan import recorded
    from platform_assets.access.resolving import resolve
    from platform_assets.cli.warehouse_places import located, opened
    from platform_assets.publishing.migrations import ledger_session

    location = located(location, "--warehouse")
    project = _project(file)
    warehouse = opened(location, "--warehouse")
    with ledger_session(warehouse, read_only=True, purpose="planning access") as session:
        wanted = resolve(session, project.access, project.tables, project.selections)
        found = engine_of(session).plan(session, wanted, recorded(session))
    for change in found.changes:
        _say(change)
    _notes(found)
    click.echo(_summary(found, location, "Plan"))
    if found.changes and detailed_exitcode:
        raise SystemExit(DIFFERENT)


@click.command()
@_WAREHOUSE
@_FILE
def apply(location: str, file: Path | None) -> None:
    """Carry out what `plan` shows: in one transaction, where the engine has one for such statements.

    Only what an earlier apply has granted is revoked. A second apply has nothing to do.
    """
    from platform_assets.access.engines import engine_of
    from platform_assets.access.plan import apply as applied
    from platform_assets.access.resolving import resolve
    from platform_assets.cli.warehouse_places import located, opened
    from platform_assets.publishing.migrations import ledger_session

    location = located(location, "--warehouse")
    project = _project(file)
    warehouse = opened(location, "--warehouse")
    with ledger_session(warehouse, purpose="applying access") as session:

        def wanted() -> Wanted:
            return resolve(session, project.access, project.tables, project.selections)

        found = applied(session, engine_of(session), wanted, _say)
    _notes(found)
    click.echo(_summary(found, location, "Applied"))


def _project(file: Path | None) -> AccessOfProject:
    file = file.resolve() if file is not None else None
    import dagster as dg

    for kind in (dg.BetaWarning, dg.PreviewWarning):
        warnings.simplefilter("ignore", kind)
    from platform_assets.cli.access_project import access_of_project
    from platform_assets.cli.project import project_of

    project = project_of(Path.cwd())
    # as a code server does, whose working directory is the project's root: paths of the environment begin there
    os.chdir(project.root if project is not None else Path.cwd())
    return access_of_project(file)


def _say(change: Change) -> None:
    click.echo(click.style(f"{change.sign} {change.sql};", fg=_COLORS[change.sign]))


def _notes(found: Plan) -> None:
    for note in found.notes:
        click.echo(f"note: {note}", err=True)


def _summary(found: Plan, location: str, verb: str) -> str:
    from platform_assets.access.plan import Sign

    place = without_password(location)
    if not found.changes:
        return f"{place}: nothing to do"
    numbers = tuple(found.count(sign) for sign in (Sign.ADD, Sign.CHANGE, Sign.REMOVE))
    text = "{} to add, {} to change, {} to remove" if verb == "Plan" else "{} added, {} changed, {} removed"
    return f"{place}: {text.format(*numbers)}"
