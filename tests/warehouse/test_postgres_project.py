"""A project whose warehouse is PostgreSQL: by its location alone, in a defs.yaml and in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.environment import InvalidEnvironment, read_environment, without_password
from platform_assets.execution import Execution
from platform_assets.platform_resource import warehouse_resource
from platform_assets.warehouse.locations import open_warehouse
from tests.support.projects import RESOURCES, opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, ORDER_COLUMNS, PARTITIONS, good_rows

SECRET = "tr0ub4dor"


def test_a_project_loads_into_it(tmp_path: Path, postgres_database: str) -> None:
    root = tmp_path / "project"
    write_project(
        root,
        {
            "platform/defs.yaml": RESOURCES.replace("data/warehouse.duckdb", postgres_database),
            "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
            "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS),
        },
    )
    (root / "data" / "landing" / "orders").mkdir(parents=True)
    for day in DAYS[:2]:
        rows = "".join(",".join(row) + "\n" for row in good_rows(day))
        (root / "data" / "landing" / "orders" / f"{day}.csv").write_text("id,customer,status,amount\n" + rows)
    with opened(root) as project:
        assert project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[1]).success
        assert project.materialized("raw/orders") == {*DAYS[:2]}
    assert not list((root / "data").glob("*.duckdb"))
    with open_warehouse(postgres_database).session(read_only=True) as session:
        found = session.execute("SELECT _partition, count(*) FROM raw.orders GROUP BY 1 ORDER BY 1")
    assert found == [(DAYS[0], 3), (DAYS[1], 3)]
    shown = CliRunner().invoke(main, ["ledger", "show", "raw/orders", "--warehouse", postgres_database])
    assert shown.exit_code == 0, shown.output
    assert shown.output.count("published") == 2


def test_a_password_is_no_part_of_a_resource(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, shown = f"postgresql://me:{SECRET}@there:1/db?sslmode=require", "postgresql://me@there:1/db?sslmode=require"
    monkeypatch.setenv("PLATFORM_WAREHOUSE", whole)
    environment = read_environment({"PLATFORM_WAREHOUSE": whole}, cwd=tmp_path)
    resource = warehouse_resource(environment.warehouse, Execution())
    assert resource.location == shown
    assert SECRET not in repr(resource)
    warehouse = resource.open()
    assert SECRET not in repr(warehouse)
    assert warehouse.at.parameters["password"] == SECRET  # type: ignore[attr-defined]
    monkeypatch.delenv("PLATFORM_WAREHOUSE")
    with pytest.raises(InvalidEnvironment, match="PGPASSWORD") as refused:
        warehouse_resource(whole, Execution())
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/srv/w.duckdb", "/srv/w.duckdb"),
        ("shelf://sales", "shelf://sales"),
        ("postgresql://there/db", "postgresql://there/db"),
        (f"postgresql://me:{SECRET}@a:1,b:2/db", "postgresql://me@a:1,b:2/db"),
        (f"postgresql://me@there/db?password={SECRET}&sslmode=require", "postgresql://me@there/db?sslmode=require"),
    ],
)
def test_a_location_without_its_password(location: str, shown: str) -> None:
    assert without_password(location) == shown


def test_a_location_whose_password_ends_nowhere_is_refused() -> None:
    with pytest.raises(InvalidEnvironment, match="%2F") as refused:
        without_password(f"postgresql://me:{SECRET}/1@there/db")
    assert SECRET not in str(refused.value)
