"""One code location with two dbt projects: both have a model `cleaned`, and one reads the other's."""

from __future__ import annotations

from pathlib import Path

from tests.support.projects import write_project
from tests.support.shop import CONFIG, ORDERS, PARTITIONS, write_macros

MODELS = """\
type: platform_assets.DbtModels
attributes:
  project: "{{{{ context.project_root }}}}/{folder}/dbt"
  translation: {{key_prefix: {folder}}}
  partitions: {partitions}
"""
PROJECT = "name: {name}\nprofile: {folder}\nmodel-paths: [models]\nmacro-paths: [macros]\n"
PROFILE = """\
{folder}:
  target: local
  outputs:
    local:
      type: duckdb
      schema: {schema}
      path: "{{{{ env_var('PLATFORM_WAREHOUSE', 'data/warehouse.duckdb') }}}}"
"""
WORD = "{% macro word() %}'FOLDER'{% endmacro %}\n"
SALES = {
    "models/sources.yml": "sources:\n  - {name: raw, tables: [{name: orders}]}\n",
    "models/cleaned.sql": CONFIG + "select id, amount, {{ word() }} as word, _partition\n"
    "from {{ source('raw', 'orders') }} where {{ in_partitions() }}",
    "models/models.yml": "models:\n  - name: cleaned\n    columns: [{name: amount, data_tests: [not_null]}]\n"
    "    data_tests: [{rows_satisfy: {name: amount_is_small, arguments: {expression: amount < 100}}}]\n",
}
REPORTS = {
    "models/sources.yml": "sources:\n  - name: sales\n    schema: sales\n    tables:\n      - name: cleaned\n"
    "        config: {meta: {dagster: {asset_key: [sales, cleaned]}}}\n",
    "models/cleaned.sql": CONFIG
    + "select id, amount * 2 as amount, {{ word() }} as word, word as of_sales, _partition\n"
    "from {{ source('sales', 'cleaned') }} where {{ in_partitions() }}",
    "models/models.yml": "models:\n  - name: cleaned\n    columns: [{name: amount, data_tests: [not_null]}]\n",
}


def write_two_projects(root: Path, *, name: str | None = None, schema: str | None = None) -> None:
    """The code location in ``root``; its dbt projects, and their schemas, are called `sales` and `reports`.

    Or both projects are called ``name``; or what is built of both is in one ``schema``.
    """
    files = {**ORDERS}
    for folder, texts in (("sales", SALES), ("reports", REPORTS)):
        files[f"{folder}/defs.yaml"] = MODELS.format(folder=folder, partitions=PARTITIONS)
        texts = {
            **texts,
            "dbt_project.yml": PROJECT.format(name=name or folder, folder=folder),
            "profiles.yml": PROFILE.format(folder=folder, schema=schema or folder),
            "macros/word.sql": WORD.replace("FOLDER", folder),
        }
        for path, text in texts.items():
            (root / folder / "dbt" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / folder / "dbt" / path).write_text(text)
        write_macros(root / folder)
    write_project(root, files)
