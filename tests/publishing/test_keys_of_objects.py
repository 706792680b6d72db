"""The keys of a lake's objects reach the warehouse that is to load them; a lake in a folder has none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from platform_assets.components.assets.raw import candidate_of
from platform_assets.lake.locations import open_lake
from platform_assets.warehouse.duckdb.session import DuckDBSession
from platform_assets.warehouse.protocol import ColumnDef, StagedFile, Warehouse
from tests.publishing.support import Lake, load, states
from tests.support.engines import warehouse_of


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return warehouse_of("duckdb", tmp_path, request)


@pytest.mark.parametrize(
    ("location", "key"), [("s3://bucket/lake", "sales/p/i/part-0000.parquet"), ("/some/folder", "")]
)
def test_a_staged_file_has_the_key_of_its_object(
    warehouse: Warehouse, lake: Lake, monkeypatch: pytest.MonkeyPatch, location: str, key: str
) -> None:
    (path,) = lake.candidate("p", "v1").files
    manifest = SimpleNamespace(
        partition="p",
        content_hash="v1",
        rows_out=3,
        state="data",
        reason="",
        data_files=("sales/p/i/part-0000.parquet",),
    )
    staged: list[StagedFile] = []
    real = DuckDBSession.stage_parquet

    def stage_parquet(session: DuckDBSession, files: Sequence[StagedFile], columns: Sequence[ColumnDef]) -> str:
        staged.extend(files)
        return real(session, files, columns)

    monkeypatch.setattr(DuckDBSession, "stage_parquet", stage_parquet)
    candidate = candidate_of(manifest, open_lake(location), [Path(path)])  # type: ignore[arg-type]
    assert states(load(warehouse, candidate)) == ["published"]
    assert staged == [StagedFile(path, "p", key)]
