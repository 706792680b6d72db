"""``platform-assets ledger show``, as a person types it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from platform_assets.cli.ledger import ledger
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.publishing.support import NOT_EMPTY, Lake, load


def show(warehouse: DuckDBWarehouse, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(ledger, ["show", *arguments, "--warehouse", str(warehouse.path)])
    return result.exit_code, result.output


def test_versions_and_verdicts_newest_first(tmp_path: Path) -> None:
    warehouse, lake = DuckDBWarehouse(tmp_path / "w.duckdb"), Lake(tmp_path)
    load(warehouse, lake.candidate("a", "v1"), run="first")
    load(warehouse, lake.candidate("a", "v2", rows=0), lake.candidate("b", "v2"), rules=[NOT_EMPTY], run="second")
    code, text = show(warehouse, "raw/sales")
    assert code == 0
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    shown = {(line[1], line[3]): (line[0], line[2], line[5], line[8]) for line in lines}
    assert shown[("a", "v1")] == ("*", "published", "first", "")
    assert shown[("a", "v2")] == ("", "rejected", "second", "not_empty: row_count is 0; it must be 1 or more")
    assert {(line[1], line[3]): line[9] for line in lines if line[9]} == {("a", "v2"): "rejected: not_empty"}
    assert shown[("b", "v2")] == ("*", "published", "second", "")
    assert [line[3] for line in lines][-1] == "v1"
    code, text = show(warehouse, "raw/sales", "--partition", "b")
    assert (code, "v1" in text) == (0, False)


def test_nothing_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    warehouse, lake = DuckDBWarehouse(tmp_path / "w.duckdb"), Lake(tmp_path)
    code, text = show(warehouse, "raw/sales")
    assert code == 1
    assert "nothing was published there yet" in text
    assert not warehouse.path.exists()
    load(warehouse, lake.candidate("a", "v1"))
    code, text = show(warehouse, "raw/slaes")
    assert code == 1
    assert "Did you mean raw/sales?" in text
    code, text = show(warehouse, "raw/sales", "--partition", "z")
    assert code == 1
    assert "no candidate for partition 'z'" in text
    warehouse.path.write_bytes(b"something else")
    code, text = show(warehouse, "raw/sales")
    assert code == 1
    assert "not a valid DuckDB database" in text
    assert "Traceback" not in text
