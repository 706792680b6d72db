"""The dbt project that a command is about: its option, and the error where there is none."""

from __future__ import annotations

from pathlib import Path

import click

from platform_assets.cli.places import DBT_PROJECT

PROJECT = "dbt_project.yml"

project_option = click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=DBT_PROJECT,
    show_default=True,
    help="Folder of the dbt project.",
)


def require_project(folder: Path) -> None:
    """Raise click.ClickException if the folder has no dbt project."""
    if not (folder / PROJECT).is_file():
        raise click.ClickException(f"{folder / PROJECT} does not exist: name the dbt project with --project")
