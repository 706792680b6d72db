"""What a run does not use it does not import: looked at in a process that has just had one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.projects import write_project
from tests.support.shop import ORDERS, write_shop

HEAVY = (
    *("boto3", "botocore", "dagster_snowflake", "kubernetes", "matplotlib", "pandas"),
    *("apprise", "dagster_pagerduty", "dagster_slack", "holidays", "pypd", "slack_sdk"),
    *(
        "platform_assets.warehouse.ducklake",
        "platform_assets.warehouse.postgres",
        "psycopg2",
        "pyarrow",
        "snowflake",
        "sqlglot.dialects.postgres",
    ),
)
"""What nothing on a laptop uses."""

OF_DBT = ("agate", "dagster_dbt", "dbt", "dbt_common")
STARTED_BY_MODELS = ("dbt.adapters.duckdb", "dbt.cli", "dbt.parser", "platform_assets.dbt.prepared")
"""What only a run of models needs; definitions of models take dagster-dbt, and with it dbt's contracts."""

SCRIPT = """
import json, sys
from pathlib import Path
from tests.support.projects import opened

with opened(Path(sys.argv[1])) as project:
    (project.landing / "orders").mkdir(parents=True)
    (project.landing / "orders" / "2024-01-01.csv").write_text("id,customer,status,amount\\n1,ann,open,10\\n")
    project.job
    loaded = sorted(sys.modules)
    assert project.run("key:lake/orders or key:raw/orders", "2024-01-01").success
    print(json.dumps([loaded, sorted(sys.modules)]))
"""
PARSE = "import sys\nfrom pathlib import Path\nfrom tests.support.projects import opened\n"
PARSE += "with opened(Path(sys.argv[1])) as project:\n    project.definitions\n"


def apart(script: str, root: Path) -> str:
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def write_feed(root: Path) -> None:
    write_project(root, ORDERS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "never"),
    [(write_feed, OF_DBT), (write_shop, STARTED_BY_MODELS)],
)
def test_a_run_of_a_feed(tmp_path: Path, write: Callable[[Path], None], never: tuple[str, ...]) -> None:
    write(tmp_path)
    apart(PARSE, tmp_path)  # which is made once for a state of the project, and takes all of dbt
    loaded, ran = json.loads(apart(SCRIPT, tmp_path))
    for when, modules in (("loading definitions", loaded), ("a run", ran)):
        unwanted = {name for name in modules for heavy in (*HEAVY, *never) if f"{name}.".startswith(f"{heavy}.")}
        assert not unwanted, f"{when} imports {sorted(unwanted)[:9]}"


def test_definitions_alone() -> None:
    """What only ticks, writers and commands need costs a code server, `dg check defs` and each run two thirds of a
    second."""
    script = "import json, sys\nimport platform_assets.definitions as loaded\nloaded.defs()\n"
    modules = json.loads(apart(f"{script}print(json.dumps(sorted(sys.modules)))", Path()))
    late = ("alembic", "dagster._daemon", "platform_assets.alerts.store", "sqlalchemy")
    assert [name for name in modules for each in late if f"{name}.".startswith(f"{each}.")] == []
