"""Short words for tests of tables that dbt overwrites in place: a mart of three days, and its published copy."""

from __future__ import annotations

from collections.abc import Sequence

from platform_assets.contracts.severity import Severity
from platform_assets.publishing.from_tables import publish_from_table
from platform_assets.publishing.in_place import BuiltModel, open_candidates, record_verdicts
from platform_assets.publishing.verdicts import CheckResult, Verdict
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.protocol import TableName

MART = "marts/daily"
TABLE = TableName("marts", "daily")
TARGET = TableName("published", "daily")
DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]
HELD = CheckResult("not_null_x", Severity.ERROR, passed=False, value=2, message="2 rows without x")


def build(warehouse: DuckDBWarehouse, version: str, days: Sequence[str] = DAYS, rows: int = 2) -> None:
    """What a dbt run does: delete and insert, in its own connection."""
    with warehouse.session() as session:
        session.execute("CREATE SCHEMA IF NOT EXISTS marts")
        session.execute("CREATE TABLE IF NOT EXISTS marts.daily (day DATE, v VARCHAR, i BIGINT)")
        for day in days:
            session.execute("DELETE FROM marts.daily WHERE day = ?", [day])
            session.execute("INSERT INTO marts.daily SELECT ?, ?, i FROM range(?) AS r(i)", [day, version, rows])


def materialize(
    warehouse: DuckDBWarehouse,
    version: str,
    days: Sequence[str] = DAYS,
    *,
    held: Sequence[str] = (),
    run: str = "run",
    rows: int = 2,
    wait_seconds: float = 600,
) -> list[Verdict]:
    """A mart built, tested and judged, as a step of dbt does it."""
    with open_candidates(warehouse, partitions={MART: days}, run_id=run, wait_seconds=wait_seconds) as opened:
        build(warehouse, version, days, rows)
        return record_verdicts(warehouse, opened, {MART: BuiltModel(TABLE, "day", {day: [HELD] for day in held})})


def copy(warehouse: DuckDBWarehouse, days: Sequence[str] = DAYS, run: str = "copy") -> list[Verdict]:
    """The mart copied into the schema that people read."""
    return publish_from_table(
        warehouse,
        asset="published/daily",
        table=TARGET,
        source=TABLE,
        source_asset=MART,
        partition_column="day",
        partitions=days,
        run_id=run,
    )


def versions(warehouse: DuckDBWarehouse, expected: int = 2) -> dict[str, str]:
    """The version of each partition of the copy, each of which is whole."""
    with warehouse.session(read_only=True) as session:
        if session.describe(TARGET) is None:
            return {}
        rows = session.execute("SELECT _partition, max(v), count(DISTINCT v), count(*) FROM published.daily GROUP BY 1")
    assert all(distinct == 1 and count == expected for _, _, distinct, count in rows)
    return {partition: version for partition, version, _, _ in rows}
