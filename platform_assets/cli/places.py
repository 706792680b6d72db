"""Where commands look in this project if no option says so; paths are taken from the working directory."""

from pathlib import Path

DEFS = Path("platform_assets/defs")
DBT_PROJECT = Path("dbt_project")
SOURCES = DBT_PROJECT / "models" / "staging" / "_sources.yml"
