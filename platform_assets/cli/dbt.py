"""`platform-assets dbt`: what a dbt project needs from the platform, written into it, and what is asked of it."""

import difflib
import importlib.metadata
import sys
from pathlib import Path

import click

from platform_assets.cli.dbt_plan import plan
from platform_assets.cli.dbt_project import project_option, require_project
from platform_assets.cli.places import DEFS, SOURCES
from platform_assets.lake.layout import write_durably


@click.group()
def dbt() -> None:
    """Write dbt sources from contracts and the macros a dbt project needs; lint it; plan a change of it."""


dbt.add_command(plan)


@dbt.command()
@click.option(
    "--contracts",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=DEFS,
    show_default=True,
    help="Folder with the feeds.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=SOURCES,
    show_default=True,
    help="The sources file to write.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 and the difference if the file is out of date.")
def sources(contracts: Path, output: Path, check: bool) -> None:
    """Describe the raw tables to dbt, from the contracts of the feeds."""
    from platform_assets.contracts.problems import ContractError
    from platform_assets.dbt.sources import contracts_below, sources_yaml

    try:
        text = sources_yaml(contracts_below(contracts))
    except ContractError as error:
        raise click.ClickException(str(error)) from None
    if not check:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.exists() and not output.is_file():
            output.write_text(text, encoding="utf-8")  # a terminal or a pipe
        else:
            write_durably(output.resolve(), text.encode())
        click.echo(f"wrote {output}")
        return
    before = output.read_text(encoding="utf-8") if output.exists() else ""
    if before == text:
        click.echo(f"{output} agrees with the contracts")
        return
    difference = difflib.unified_diff(before.splitlines(True), text.splitlines(True), str(output), "from the contracts")
    click.echo("".join(difference), nl=False)
    click.echo(f"{output} is out of date: run `platform-assets dbt sources`", err=True)
    sys.exit(1)


@dbt.command()
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="A folder of the dbt project's macro-paths, such as macros/platform_assets.",
)
def macros(into: Path) -> None:
    """Copy the platform's macros into a dbt project: building and testing by partition."""
    from platform_assets.dbt.macro_files import FOLDER

    version = importlib.metadata.version("platform-assets")
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(FOLDER.glob("*.sql")):
        header = f"{{# from platform-assets {version}; written anew by `platform-assets dbt macros` #}}\n"
        write_durably(into / path.name, (header + path.read_text(encoding="utf-8")).encode())
        click.echo(f"wrote {into / path.name}")


@dbt.command()
@project_option
def lint(project: Path) -> None:
    """Find models that read the clock or roll dice: a partition built again must come out the same."""
    from platform_assets.dbt.lint import ALLOWED, volatile_lines

    require_project(project)
    found = volatile_lines(project)
    for line in found:
        click.echo(line)
    if found:
        click.echo(f"Use the partition key, or end the line with `{ALLOWED} <why>`", err=True)
        sys.exit(1)
    click.echo(f"{project}: every model depends on its partition and its input alone")
