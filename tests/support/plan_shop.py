"""A shop under git: models over orders and a seed, macros, a model from a query; and plans of changes of it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from platform_assets.cli.main import main
from tests.support.shop import CONFIG, DBT, PUBLISHED, write_dbt, write_shop
from tests.support.shop import MODELS as MODELS_OF_SHOP

MODELS: dict[str, str] = {
    "models/cleaned.sql": CONFIG + "select id, customer, status, {{ in_euros('amount') }} as amount, _partition\n"
    "from {{ source('raw', 'orders') }} where {{ in_partitions() }} and status <> 'lost'",
    "models/totals.sql": CONFIG
    + "select _partition, customer, sum(amount)::bigint as amount from {{ ref('cleaned') }}\n"
    "where {{ in_partitions() }} group by all",
    "models/apart.sql": CONFIG + "select _partition, count(*) as orders, {{ in_euros('max(amount)') }} as largest\n"
    "from {{ source('raw', 'orders') }} where {{ in_partitions() }} group by 1",
    "models/named.sql": CONFIG + "select o._partition, o.id, o.status, r.region\n"
    "from {{ ref('cleaned') }} as o left join {{ ref('regions') }} as r using (customer) where {{ in_partitions() }}",
    "models/everything.sql": CONFIG + "select * from {{ ref('cleaned') }} where {{ in_partitions() }}",
    "models/regional.sql": CONFIG + "with n as (select * from {{ ref('named') }})\n"
    "select _partition, region, count(*) as orders from n where {{ in_partitions() }} group by all",
    "models/latest.sql": "{{ config(materialized='table') }}\n"
    "{% set found = run_query('select 1 as one') %}select {{ found.columns[0][0] if execute }} as one, id\n"
    "from {{ ref('cleaned') }}",
    "models/appended.sql": "{{ config(materialized='incremental') }}\nselect id, status from {{ ref('cleaned') }}\n"
    "{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}",
    "models/small.sql": "{{ config(materialized='ephemeral') }}\n"
    "select id, amount from {{ source('raw', 'orders') }} where amount < 10",
    "models/doubled.sql": "{{ config(materialized='view') }}\nselect id, 2 * amount as twice from {{ ref('small') }}",
    "snapshots/seen.sql": "{% snapshot seen %}\n"
    "{{ config(unique_key='id', strategy='check', check_cols=['status']) }}\n"
    "select id, status from {{ ref('cleaned') }}\n{% endsnapshot %}\n",
    "macros/money.sql": "{% macro in_euros(column) %}{{ column }} / {{ cents() }}{% endmacro %}\n"
    "{% macro cents() %}100{% endmacro %}\n",
    "seeds/regions.csv": "customer,region,zone\nann,north,1\nben,south,2\n",
}
PUBLISHED_TOO = f"{PUBLISHED}---\n{PUBLISHED.replace('source: totals', 'source: regional')}"


def write_plan_shop(root: Path) -> None:
    """The shop with its first commit on the branch main."""
    write_shop(root, dbt={**DBT, **MODELS})
    (root / "somebody/defs/published/defs.yaml").write_text(PUBLISHED_TOO)
    (root / "somebody/defs/models/defs.yaml").write_text(f"{MODELS_OF_SHOP}  exclude: latest appended seen doubled\n")
    (root / ".gitignore").write_text("target/\nlogs/\ndagster/\ndata/\n__pycache__/\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "first")


def git(root: Path, *words: str) -> str:
    """What git prints."""
    who = ["-c", "user.name=shop", "-c", "user.email=shop@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(root), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(root: Path, message: str) -> str:
    """Commit everything; returns the hash."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def copy_of(shop: Path, to: Path) -> Path:
    """A copy with what dbt has parsed, whose HEAD is not parsed again."""
    shutil.copytree(shop, to, symlinks=True)
    return to


def plan(root: Path, *words: str) -> Result:
    """The command, run in the project."""
    before = Path.cwd()
    os.chdir(root)
    try:
        return CliRunner().invoke(main, ["dbt", "plan", "--project", "dbt", *words])
    finally:
        os.chdir(before)


def plan_of(root: Path, changes: Mapping[str, str | None]) -> dict[str, Any]:
    """The plan of a change of files of the dbt project, by path; None removes a file."""
    write_dbt(root, {path: text for path, text in changes.items() if text is not None})
    for path in (path for path, text in changes.items() if text is None):
        (root / "dbt" / path).unlink()
    result = plan(root, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found
