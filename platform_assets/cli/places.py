"""Where commands look if no option says so; paths are taken from the working directory."""

import os
from pathlib import Path

import click

DEFS = Path("platform_assets/defs")
DBT_PROJECT = Path("dbt_project")
SOURCES = DBT_PROJECT / "models" / "staging" / "_sources.yml"


def require_dagster_home(refused: type[click.ClickException] = click.ClickException) -> None:
    """Raise ``refused`` if the environment does not say where runs are recorded."""
    home = os.environ.get("DAGSTER_HOME", "")
    if home and not Path(home).is_dir():
        raise refused(f"DAGSTER_HOME is {home}, which is no folder: nothing is recorded there")
    if not home:
        raise refused(
            "DAGSTER_HOME is not set: it names the folder of dagster.yaml, in which the run is recorded, "
            'such as export DAGSTER_HOME="$PWD/.platform/dagster"'
        )
