"""Two code locations on one warehouse: one takes feeds of every kind of partition, the other has models over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.projects import write_project
from tests.support.shop import CONFIG, CONTRACT, FEED, write_macros

DAYS = [f"2024-01-0{day}" for day in range(1, 6)]
DAILY = '{type: daily, start_date: "2024-01-01", end_date: "2024-01-06"}'
HOURLY = '{type: hourly, start_date: "2024-01-01-00:00", end_date: "2024-01-06-00:00"}'
STATIC = "{type: static, partition_keys: [north, south]}"
DYNAMIC = "{type: dynamic, name: shops}"
FEEDS = {
    "orders": ("orders/%Y-%m-%d.csv", DAILY),
    "clicks": ("clicks/%Y-%m-%dT%H.csv", HOURLY),
    "customers": ("customers.csv", ""),
    "regions": ("regions/{key}.csv", STATIC),
    "shops": ("shops/{key}.csv", DYNAMIC),
}
"""Pattern and partitions by the name of the feed. All have the columns `id` and `amount`."""
COLUMNS = "      - {name: id, logicalType: integer}\n      - {name: amount, logicalType: integer}\n"
RESOURCES = """\
type: platform_assets.PlatformResources
attributes:
  landing: ../feeds/data/landing
  lake: ../feeds/data/lake
  warehouse: ../feeds/data/warehouse.duckdb
"""
"""The places of `marts`: those of `feeds`."""
MODELS = {
    "daily": (DAILY, {
        "totals": "select _partition, sum(amount)::bigint as amount from {{ source('raw', 'orders') }}\n"
        "where {{ in_partitions() }} and id in (select id from {{ source('raw', 'customers') }}) group by 1",
        "clicked": "select _partition[:10] as _partition, count(*) as clicks from {{ source('raw', 'clicks') }}\n"
        "where {{ in_partitions('_partition[:10]') }} group by 1",
    }),
    "static": (STATIC, {
        "by_region": "select _partition, count(*) as rows from {{ source('raw', 'regions') }}\n"
        "where {{ in_partitions() }} group by 1",
    }),
    "dynamic": (DYNAMIC, {
        "by_shop": "select _partition, count(*) as rows from {{ source('raw', 'shops') }}\n"
        "where {{ in_partitions() }} group by 1",
    }),
    "whole": ("", {"everything": "select count(*) as orders from {{ source('raw', 'orders') }}"}),
}  # fmt: skip
"""Models by the folder of the dbt project that they are in, with the partitions that they have."""
DBT_MODELS = """\
type: platform_assets.DbtModels
attributes:
  project: "{{{{ context.project_root }}}}/dbt"
  select: "path:models/{folder}"
"""
PUBLISHED = f"type: platform_assets.PublishedTable\nattributes:\n  source: totals\n  partitions: {DAILY}\n"
WORKSPACE = """\
load_from:
  - python_module: {module_name: feeds.definitions, working_directory: feeds, location_name: feeds}
  - python_module: {module_name: marts.definitions, working_directory: marts, location_name: marts}
"""


def write_feeds(root: Path) -> Path:
    """The code location `feeds` below ``root``: its folder."""
    files = {}
    for name, (pattern, partitions) in FEEDS.items():
        words = f"  partitions: {partitions}\n" if partitions else ""
        files[f"{name}/defs.yaml"] = FEED.format(files=f'"{pattern}"') + words
        files[f"{name}/contract.yaml"] = CONTRACT.format(name=name, columns=COLUMNS)
    write_project(root / "feeds", files, "feeds")
    (root / "feeds" / "data" / "landing").mkdir(parents=True)
    return root / "feeds"


def write_marts(root: Path) -> Path:
    """The code location `marts` below ``root``, which knows of the feeds by the sources of its dbt project alone."""
    folder = root / "marts"
    files = {"platform/defs.yaml": RESOURCES, "published/defs.yaml": PUBLISHED}
    texts = {
        "dbt_project.yml": "name: marts\nprofile: marts\nmodel-paths: [models]\nmacro-paths: [macros]\n",
        "profiles.yml": "marts:\n  target: local\n  outputs:\n    local:\n      type: duckdb\n"
        "      path: \"{{ env_var('PLATFORM_WAREHOUSE', '../feeds/data/warehouse.duckdb') }}\"\n",
        "models/sources.yml": "sources:\n  - {name: raw, tables: ["
        + ", ".join(f"{{name: {name}}}" for name in FEEDS)
        + "]}\n",
    }
    for part, (partitions, models) in MODELS.items():
        words = f"  partitions: {partitions}\n" if partitions else ""
        files[f"{part}/defs.yaml"] = DBT_MODELS.format(folder=part) + words
        texts |= {f"models/{part}/{name}.sql": CONFIG * bool(partitions) + sql for name, sql in models.items()}
    write_project(folder, files, "marts")
    for path, text in texts.items():
        (folder / "dbt" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "dbt" / path).write_text(text)
    write_macros(folder)
    return folder


def deliver(root: Path, files: Mapping[str, int]) -> None:
    """A file of three rows for each path in the landing folder of `feeds`, with the ``amount`` of each row."""
    for path, amount in files.items():
        file = root / "feeds" / "data" / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.new")
        beside.write_text("id,amount\n" + "".join(f"{number},{amount}\n" for number in (1, 2, 3)))
        beside.rename(file)
