"""A warehouse of another package: the example of docs/extending.md, under the conformance suite and in a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.environment import InvalidEnvironment, read_environment
from platform_assets.failures import Kind, PlatformError
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import Warehouse
from resources.by_environment import platform_resources
from tests.support.announced import documented, documented_entry, installed
from tests.support.projects import RESOURCES, opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, ORDER_COLUMNS, PARTITIONS, good_rows
from tests.warehouse.conformance import WarehouseConformance
from tests.warehouse.conformance_turns import TurnsConformance

HEADING = "A warehouse"


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    group, entry = documented_entry(HEADING)
    monkeypatch.setenv("SHELF", str(tmp_path / "shelf"))
    with installed(tmp_path / "site", "shelf_warehouse", documented(HEADING, "python"), group, entry):
        yield


class TestConformance(WarehouseConformance, TurnsConformance):
    @pytest.fixture
    def warehouse(self) -> Warehouse:
        return open_warehouse("shelf://tests", wait_seconds=0.6)


def test_a_project_loads_into_it(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write_project(
        root,
        {
            "platform/defs.yaml": RESOURCES.replace("data/warehouse.duckdb", "shelf://sales"),
            "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
            "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS),
        },
    )
    (root / "data" / "landing" / "orders").mkdir(parents=True)
    rows = "".join(",".join(row) + "\n" for row in good_rows(DAYS[0]))
    (root / "data" / "landing" / "orders" / f"{DAYS[0]}.csv").write_text("id,customer,status,amount\n" + rows)
    with opened(root) as project:
        assert project.run("key:lake/orders or key:raw/orders", DAYS[0]).success
    assert not list((root / "data").glob("*.duckdb"))
    with open_warehouse("shelf://sales").session(read_only=True) as session:
        assert session.execute("SELECT _partition, count(*) FROM raw.orders GROUP BY 1") == [(DAYS[0], 3)]


def test_an_environment_names_it_by_its_scheme(tmp_path: Path) -> None:
    def warehouse(location: str) -> str:
        environment = read_environment({"PLATFORM_WAREHOUSE": location}, cwd=tmp_path)
        resource = platform_resources(environment)["platform"].warehouse
        return f"{type(resource).__name__} {resource.location} {type(resource.open()).__name__}"

    assert warehouse("shelf://sales") == "AnnouncedWarehouseResource shelf://sales Shelf"
    assert warehouse("duckdb:///srv/w.duckdb") == "DuckDBWarehouseResource /srv/w.duckdb DuckDBWarehouse"
    assert warehouse("w.duckdb") == f"DuckDBWarehouseResource {tmp_path}/w.duckdb DuckDBWarehouse"
    with pytest.raises(InvalidEnvironment, match=r"begins with shelve://, and no installed package.*shelf://"):
        warehouse("shelve://sales")
    for misspelt in ("shelf:/sales", "DuckDB:w.duckdb"):
        with pytest.raises(InvalidEnvironment, match=r"which is no path: write (shelf|DuckDB)://"):
            warehouse(misspelt)


@pytest.mark.parametrize("prefix", ["", "duckdb://", "DuckDB://"])
def test_a_path_is_a_duckdb_file_with_and_without_its_scheme(tmp_path: Path, prefix: str) -> None:
    warehouse = open_warehouse(f"{prefix}{tmp_path}/w.duckdb")
    with warehouse.session() as session:
        assert session.execute("SELECT 1") == [(1,)]
    assert (tmp_path / "w.duckdb").is_file()


def test_a_scheme_that_nobody_announces_is_named_with_those_there_are() -> None:
    with pytest.raises(PlatformError) as raised:
        open_warehouse("postgres://me:secret@there/sales")
    failure = raised.value.failure
    assert failure.kind is Kind.MISCONFIGURED
    assert failure.message == (
        "the warehouse begins with postgres://, and no installed package has a warehouse of that name; it must be a "
        "path or one of: duckdb://..., ducklake://..., ducklake+postgresql://..., postgresql://..., shelf://..., "
        "snowflake://..."
    )
