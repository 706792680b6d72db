"""A process that changes a dbt project and runs it, again and again: ``python -m tests.dbt.changer DBT_PROJECT NAME``.

It prints a line after each run, until it is killed.
"""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path

from platform_assets.dbt.invocation import invoke
from platform_assets.dbt.project import DbtProjectFiles

MODELS = ("first", "second")


def write_version(project: Path, version: str) -> None:
    """Both models' descriptions, in one file that is replaced at once, as an editor or a check-out does."""
    words = "".join(f"  - {{name: {model}, description: version {version}}}\n" for model in MODELS)
    target = project / "models" / "versions.yml"
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    fresh.write_text(f"models:\n{words}")
    fresh.replace(target)


def main(folder: str, name: str) -> None:
    project = Path(folder)
    files = DbtProjectFiles(project, project)
    environment = {"PLATFORM_WAREHOUSE": str(project / f"{name}.duckdb")}
    for number in count():
        write_version(project, f"{name}-{number}")
        results = invoke(
            files, files.parsed(environment), "run", list(MODELS), partitions=None, environment=environment
        )
        assert {result.status for result in results} == {"success"}
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
