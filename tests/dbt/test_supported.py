"""What DbtModels refuses when definitions load, since it would be green over rows that nobody built or tested."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from platform_assets.dbt.project import DbtProjectFiles
from platform_assets.dbt.supported import unsupported
from tests.support.projects import Project
from tests.support.shop import CONFIG, DBT, MODELS

SNAPSHOT = """\
snapshots:
  - name: kept
    relation: source('raw', 'orders')
    config: {unique_key: id, strategy: check, check_cols: all}
"""
EPHEMERAL = (
    "{{ config(materialized='ephemeral') }} select * from {{ source('raw', 'orders') }} where {{ in_partitions() }}"
)
READS = CONFIG + "select * from {{ ref('helper') }}"
REFRESHED = CONFIG.replace("on_schema_change", "full_refresh=true, on_schema_change")


def problems(project: Path, files: dict[str, str]) -> list[str]:
    """What is refused of all models, seeds and snapshots of the project, with ``files`` added to it."""
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    manifest = DbtProjectFiles(project, project).parsed().manifest()
    selected = [
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed", "snapshot") and node["config"]["materialized"] != "ephemeral"
    ]
    return unsupported(manifest, selected, partitioned=True)


@pytest.fixture(name="project")
def _project(parsed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(parsed / "dbt", tmp_path / "dbt"))


SEED = {"seeds/colours.csv": "name\nred\n"}
TESTED = "models: [{name: helper, columns: [{name: id, data_tests: [not_null]}]}]\n"
UNIT = """\
unit_tests:
  - name: keeps_all
    model: helper
    given: [{input: "source('raw', 'orders')", rows: [{id: 1}]}]
    expect: {rows: [{id: 1}]}
"""
HELPER = {"models/helper.sql": EPHEMERAL, "models/reads.sql": READS}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (SEED, r"colours.csv is a seed, which DbtModels does not build.*exclude: resource_type:seed"),
        ({"snapshots/kept.yml": SNAPSHOT}, r"kept.yml is a snapshot, which DbtModels does not build"),
        ({**HELPER, "models/h.yml": TESTED}, r"helper.sql is ephemeral and has tests \(not_null_helper_id\)"),
        ({**HELPER, "models/h.yml": UNIT}, r"helper.sql is ephemeral and has tests \(keeps_all\)"),
        ({**HELPER, "tests/alone.sql": "select * from {{ ref('helper') }} where id < 0"}, r"has tests \(alone\)"),
        ({"models/apart.sql": REFRESHED + "select 1 as one"}, r"apart.sql has full_refresh: true"),
        ({"models/apart.sql": "select 1 as one"}, r"apart.sql is view without the strategy"),
    ],
)
def test_what_would_be_green_over_unbuilt_or_untested_rows_is_refused(
    project: Path, files: dict[str, str], message: str
) -> None:
    (problem,) = problems(project, files)
    assert re.search(message, problem)


@pytest.mark.parametrize(
    "files",
    [
        {},
        HELPER,
        {**HELPER, "tests/with_model.sql": "select * from {{ ref('helper') }}, {{ ref('reads') }} where false"},
        {"models/apart.sql": DBT["models/apart.sql"].replace("on_schema", "full_refresh=false, on_schema")},
    ],
)
def test_what_is_built_and_tested_is_taken(project: Path, files: dict[str, str]) -> None:
    assert problems(project, files) == []


def test_definitions_do_not_load_with_what_is_refused(shop: Project) -> None:
    (shop.root / "dbt/seeds").mkdir()
    (shop.root / "dbt/seeds/colours.csv").write_text("name\nred\n")
    with pytest.raises(Exception, match="models") as refused:
        assert shop.definitions
    assert re.search(r"models/defs.yaml: seeds/colours.csv is a seed", str(refused.value.__cause__))


def test_what_is_refused_can_be_left_out(shop: Project) -> None:
    (shop.root / "dbt/seeds").mkdir()
    (shop.root / "dbt/seeds/colours.csv").write_text("name\nred\n")
    exclude = '  exclude: "resource_type:seed resource_type:snapshot"\n'
    (shop.root / "somebody/defs/models/defs.yaml").write_text(MODELS + exclude)
    assert shop.definitions
