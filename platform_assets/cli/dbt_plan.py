"""`platform-assets dbt plan`: what a change of the dbt project would do, before anything runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from platform_assets.cli.dbt_project import project_option, require_project
from platform_assets.cli.places import DEFS

if TYPE_CHECKING:
    from platform_assets.cli.plan_report import Report
    from platform_assets.cli.project import DgProject
    from platform_assets.dbt.planning.state import RawColumns
    from platform_assets.dbt.project import DbtProjectFiles


@click.command()
@click.option(
    "--against", metavar="REV", show_default="the merge base with the main branch, or HEAD",
    help="The git revision that the working tree is compared with.",
)  # fmt: skip
@project_option
@click.option("--target", help="The target of the profile; its own default if left out.")
@click.option("--markdown", "form", flag_value="markdown", help="Print Markdown, for a comment of a pull request.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--fail-on", type=click.Choice(["breaking"]), help="Exit with 1 if there is a breaking change.")
def plan(against: str | None, project: Path, target: str | None, form: str | None, fail_on: str | None) -> None:
    """Compare the dbt project with an earlier revision: what changes, what reads it, what must be rebuilt."""
    from platform_assets.cli.plan_output import as_json, as_markdown, print_tables

    report = _report(against, project, target)
    if form == "json":
        click.echo(json.dumps(as_json(report), indent=2))
    elif form == "markdown":
        click.echo(as_markdown(report), nl=False)
    else:
        print_tables(report)
    if fail_on and report.differences.is_breaking:
        sys.exit(1)


def _report(against: str | None, project: Path, target: str | None) -> Report:
    from platform_assets.cli.dbt_revision import project_at
    from platform_assets.cli.plan_report import Report, assets_of, published_below, rebuilds, without_secrets
    from platform_assets.cli.project import project_of
    from platform_assets.cli.revisions import base_of, root_of
    from platform_assets.dbt.invocation import DbtFailed
    from platform_assets.dbt.packages import PackagesNotInstalled
    from platform_assets.dbt.planning.differences import differences
    from platform_assets.dbt.planning.state import read_state
    from platform_assets.dbt.project import DbtParseError

    require_project(project)
    folder = project.resolve()
    try:
        root = root_of(folder)
    except click.ClickException:
        raise click.ClickException(f"{folder} lies in no git repository: there is no earlier state of it") from None
    base = base_of(root, against)
    files, environment = _files(folder, target), _environment()
    dg_project = project_of(Path.cwd())
    raw = _raw_columns(dg_project)
    new = read_state(files, environment, raw)
    with project_at(files, root, base) as earlier:
        try:
            old = read_state(earlier, environment, raw)
        except (DbtParseError, DbtFailed, PackagesNotInstalled) as error:
            text = str(error).replace(str(earlier.project_dir), str(folder.relative_to(root)))
            raise click.ClickException(
                f"the project as it was at {base.commit[:8]} ({base.chosen}) cannot be read: {text}"
            ) from None
    assets = {**assets_of(old, dg_project), **assets_of(new, dg_project)}
    found = differences(old, new, published_below(dg_project, assets))
    return Report(base, without_secrets(found), rebuilds(found, {**old.nodes, **new.nodes}, assets))


def _files(folder: Path, target: str | None) -> DbtProjectFiles:
    import os

    from platform_assets.dbt.project import DbtProjectFiles

    given = os.environ.get("DBT_PROFILES_DIR")
    if (folder / "profiles.yml").is_file():
        profiles = folder
    else:
        profiles = Path(given).resolve() if given else Path.home() / ".dbt"
    return DbtProjectFiles(folder, profiles, target)


def _environment() -> dict[str, str]:
    """The variables that a run gives to dbt, so that the parse is the one that it makes."""
    from platform_assets.cli.project import chosen_warehouse
    from platform_assets.environment import InvalidEnvironment
    from platform_assets.warehouse.locations import open_warehouse

    try:
        return dict(open_warehouse(chosen_warehouse()).tool_variables())
    except InvalidEnvironment:
        return {}  # the profile may need none of them


def _raw_columns(project: DgProject | None) -> RawColumns:
    """The columns of the tables that feeds fill, for sources whose columns dbt does not know."""
    from platform_assets.contracts.problems import ContractError
    from platform_assets.dbt.sources import contracts_below
    from platform_assets.sql.types import raw_columns
    from platform_assets.warehouse.protocol import PARTITION, TableName

    folder = project.defs_folder if project is not None else DEFS
    try:
        contracts = contracts_below(folder) if folder.is_dir() else []
    except ContractError as error:
        raise click.ClickException(
            f"a contract cannot be read, and the columns of its table are not known: {error}"
        ) from None
    return {TableName("raw", each.name): [*(name for name, _, _ in raw_columns(each)), PARTITION] for each in contracts}
