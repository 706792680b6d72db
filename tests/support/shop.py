"""A small shop with a dbt project: orders a day, a list of customers, models over them with tests of every kind."""

from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner

from platform_assets.cli.main import main
from tests.support.projects import Project, write_project

DAYS = [f"2024-01-0{day}" for day in range(1, 6)]
PARTITIONS = '{type: daily, start_date: "2024-01-01", end_date: "2024-01-06"}'
CUSTOMERS = ("ann", "ben", "cem")
CONTRACT = """\
apiVersion: v3.0.2
kind: DataContract
id: {name}
name: {name}
version: 1.0.0
status: active
domain: shop
team: [{{username: "team:shop", role: owner}}]
servers: [{{server: landing, type: local, path: {name}, format: csv}}]
schema:
  - name: {name}
    logicalType: object
    description: The {name} of the shop.
    properties:
{columns}"""
ORDER_COLUMNS = """\
      - {name: id, logicalType: integer}
      - {name: customer, logicalType: string}
      - {name: status, logicalType: string}
      - {name: amount, logicalType: integer}
"""
FEED = "type: platform_assets.FileFeed\nattributes:\n  settle_seconds: 0\n  files: {files}\n"
MODELS = f"""\
type: platform_assets.DbtModels
attributes:
  project: "{{{{ context.project_root }}}}/dbt"
  group: shop
  partitions: {PARTITIONS}
"""
PUBLISHED = f"""\
type: platform_assets.PublishedTable
attributes:
  source: totals
  group: shop
  partitions: {PARTITIONS}
"""
DEFS = {
    "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
    "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS),
    "customers/defs.yaml": FEED.format(files="customers.csv"),
    "customers/contract.yaml": CONTRACT.format(
        name="customers", columns="      - {name: customer, logicalType: string}\n"
    ),
    "models/defs.yaml": MODELS,
    "published/defs.yaml": PUBLISHED,
}
ORDERS = {path: text for path, text in DEFS.items() if path.startswith("orders/")}
"""The feed of orders alone."""

CONFIG = (
    "{{ config(materialized='incremental', incremental_strategy='partition_overwrite', on_schema_change='fail') }}\n"
)
DBT = {
    "dbt_project.yml": "name: shop\nprofile: shop\nmodel-paths: [models]\ntest-paths: [tests]\nmacro-paths: [macros]\n",
    "profiles.yml": "shop:\n  target: local\n  outputs:\n    local:\n      type: duckdb\n"
    "      path: \"{{ env_var('PLATFORM_WAREHOUSE', 'data/warehouse.duckdb') }}\"\n",
    "models/sources.yml": "sources:\n  - {name: raw, tables: [{name: orders}, {name: customers}]}\n",
    "models/cleaned.sql": CONFIG
    + "select id, customer, status, amount, _partition from {{ source('raw', 'orders') }} where {{ in_partitions() }}",
    "models/totals.sql": CONFIG
    + "select _partition, customer, sum(amount)::bigint as amount from {{ ref('cleaned') }}\n"
    "where {{ in_partitions() }} group by all",
    "models/apart.sql": CONFIG
    + "select _partition, count(*) as orders from {{ source('raw', 'orders') }} where {{ in_partitions() }} group by 1",
    "models/models.yml": """\
models:
  - name: cleaned
    data_tests: [{rows_satisfy: {name: amount_is_positive, arguments: {expression: amount > 0}}}]
    columns:
      - {name: id, data_tests: [unique, not_null]}
      - {name: status, data_tests: [{accepted_values: {arguments: {values: [open, paid]}}}]}
      - name: customer
        data_tests:
          - relationships: {arguments: {to: "source('raw', 'customers')", field: customer}}
  - name: totals
    config: {contract: {enforced: true}}
    columns:
      - {name: _partition, data_type: varchar}
      - {name: customer, data_type: varchar}
      - {name: amount, data_type: bigint, constraints: [{type: not_null}]}
  - name: apart
""",
}


def write_shop(root: Path, *, macros: bool = True, dbt: Mapping[str, str] | None = None) -> None:
    """The project with its dbt project in `dbt`; the texts in ``dbt`` are added to it or take another's place."""
    write_project(root, DEFS)
    write_dbt(root, {**DBT, **(dbt or {})})
    if macros:
        write_macros(root)


def write_dbt(root: Path, texts: Mapping[str, str]) -> None:
    """Files of the dbt project, by their path in it."""
    for path, text in texts.items():
        (root / "dbt" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "dbt" / path).write_text(text)


def write_macros(root: Path) -> None:
    """The platform's macros for models by partition, written into the project or written anew."""
    result = CliRunner().invoke(main, ["dbt", "macros", "--into", str(root / "dbt" / "macros")])
    assert result.exit_code == 0, result.output


def good_rows(day: str) -> list[list[str]]:
    """Three good orders of a day, with ids of their own."""
    number = int(day[-2:]) * 100
    return [[str(number + i), customer, "open", str(10 + i)] for i, customer in enumerate(CUSTOMERS)]


def deliver(project: Project, changed: Mapping[str, list[list[str]]] | None = None) -> None:
    """Every day's orders, those of the days in ``changed`` with other rows, and the customers."""
    (project.landing / "orders").mkdir(parents=True, exist_ok=True)
    (project.landing / "customers.csv").write_text("customer\n" + "\n".join(CUSTOMERS) + "\n")
    for day in DAYS:
        rows = (changed or {}).get(day, good_rows(day))
        text = "id,customer,status,amount\n" + "".join(",".join(row) + "\n" for row in rows)
        (project.landing / "orders" / f"{day}.csv").write_text(text)
    assert project.run("key:lake/customers or key:raw/customers").success
