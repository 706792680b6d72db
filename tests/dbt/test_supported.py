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


HELPER = {"models/helper.sql": EPHEMERAL, "models/reads.sql": READS}


@pytest.mark.parametrize(
    ("files", "message"),
    [
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


@pytest.mark.slow
def test_definitions_do_not_load_with_what_is_refused(shop: Project) -> None:
    (shop.root / "dbt/models/plain.sql").write_text("select 1 as one")
    with pytest.raises(Exception, match="models") as refused:
        assert shop.definitions
    assert re.search(r"models/defs.yaml: models/plain.sql is view", str(refused.value.__cause__))


def test_what_is_refused_can_be_left_out(shop: Project) -> None:
    (shop.root / "dbt/models/plain.sql").write_text("select 1 as one")
    (shop.root / "somebody/defs/models/defs.yaml").write_text(MODELS + "  exclude: plain\n")
    assert shop.definitions
