"""`platform-assets warehouse plan` and `apply` on DuckDB, and what they say of mistakes in the access file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.warehouse.locations import open_warehouse
from tests.support.access_shop import ACCESS, access_shop, command, settled
from tests.support.projects import Project, opened
from tests.support.shop import DAYS, deliver, write_shop


@pytest.fixture(name="on_duckdb")
def _on_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    yield from access_shop(tmp_path, "data/warehouse.duckdb", monkeypatch)


@pytest.mark.slow
def test_ducklake_has_masked_views_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = f"ducklake://{tmp_path / 'ducklake'}"
    for project in access_shop(tmp_path, location, monkeypatch):
        assert command("apply")[0] == 0
        settled()
        with open_warehouse(location).session(read_only=True) as session:
            assert session.execute("SELECT id, email FROM raw_masked.customers") == [(7, "***")]
        (project.root / "somebody/defs/access.yaml").write_text("public: [personal, confidential]\n" + ACCESS)
        assert command("apply")[0] == 0
        settled()


@pytest.mark.slow
def test_duckdb_has_masked_views_and_comments(on_duckdb: Project) -> None:
    code, said = command("plan", "--detailed-exitcode")
    assert code == 2, said
    assert "DuckDB has no roles" in said
    assert command("apply")[0] == 0
    settled()
    assert on_duckdb.rows("SELECT id, email, income FROM raw_masked.customers") == [(7, "***", None)]
    (on_duckdb.root / "somebody/defs/access.yaml").write_text("public: [personal, confidential]\n" + ACCESS)
    code, said = command("apply")
    assert '- DROP VIEW "raw_masked"."customers";' in said
    settled()


def test_mistakes_have_their_lines(on_duckdb: Project) -> None:
    path = on_duckdb.root / "somebody/defs/access.yaml"
    path.write_text(
        "rolls: {}\nroles:\n  pg_x:\n    read: {schemas: [platform_staging], asets: x}\n  b:\n"
        "    write: {assets: raw/custmers}\n    sees: [persnal]\n  c:\n    sees: []\n"
        "columns:\n  marts/x: {a: personal}\n"
    )
    code, said = command("plan")
    assert code == 1
    lines = {
        int(line.partition("access.yaml:")[2].split(":")[0]) for line in said.splitlines() if "access.yaml:" in line
    }
    assert lines == {1, 3, 4, 7, 8, 11}, said
    path.write_text("roles:\n  b:\n    write: {assets: raw/custmers}\n")
    code, said = command("plan")
    assert "access.yaml:3: roles.b.write.assets: no asset 'raw/custmers'; did you mean 'raw/customers'?" in said
    path.unlink()
    code, said = command("plan")
    assert (code, "does not exist" in said) == (1, True)


@pytest.mark.slow
def test_classifications_reach_the_models_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "shop"
    write_shop(root)
    contract = root / "somebody/defs/orders/contract.yaml"
    clear = "classification: confidential, customProperties: [{property: protection, value: none}]"
    contract.write_text(contract.read_text().replace("{name: customer, ", f"{{name: customer, {clear}, "))
    file = root / "somebody/defs/access.yaml"
    file.write_text("roles:\n  readers:\n    read: {assets: cleaned or totals or raw/orders}\n")
    monkeypatch.chdir(root)
    with opened(root) as project:
        deliver(project)
        asked = "key:lake/orders or key:raw/orders or key:cleaned or key:totals"
        assert project.run(asked, DAYS[0], DAYS[0]).success
        assert command("apply")[0] == 0
        for table in ("raw_masked.orders", "main_masked.cleaned", "main_masked.totals"):
            assert project.rows(f"SELECT DISTINCT customer FROM {table}") == [("***",)]
        file.write_text(file.read_text() + "columns:\n  totals: {customer: public}\n")
        code, said = command("apply")
        assert (code, '- DROP VIEW "main_masked"."totals";' in said) == (0, True), said
        settled()
