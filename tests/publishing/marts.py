"""Short words for tests of tables that dbt overwrites in place: a mart of three days, and its published copy."""

from __future__ import annotations

from collections.abc import Sequence

from platform_assets.contracts.severity import Severity
from platform_assets.publishing.from_tables import publish_from_table
from platform_assets.publishing.in_place import BuiltModel, open_candidates, record_verdicts
from platform_assets.publishing.verdicts import CheckResult, Verdict
from platform_assets.warehouse.protocol import ColumnDef, TableName, Warehouse

MART = "marts/daily"
TABLE = TableName("marts", "daily")
TARGET = TableName("published", "daily")
DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]
HELD = CheckResult("not_null_x", Severity.ERROR, passed=False, value=2, message="2 rows without x")


def build(warehouse: Warehouse, version: str, days: Sequence[str] = DAYS, rows: int = 2) -> None:
    """What a dbt run does: delete and insert, in its own connection."""
    with warehouse.session() as session:
        session.ensure_table(TABLE, [ColumnDef("day", "DATE"), ColumnDef("v", "VARCHAR"), ColumnDef("i", "BIGINT")])
        for day in days:
            session.execute("DELETE FROM marts.daily WHERE day = ?", [day])
            made = session.stage_rows([ColumnDef("i", "BIGINT")], [(i,) for i in range(rows)])
            session.execute(f"INSERT INTO marts.daily SELECT CAST(? AS DATE), ?, m.i FROM {made} AS m", [day, version])


def materialize(
    warehouse: Warehouse,
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


def copy(warehouse: Warehouse, days: Sequence[str] = DAYS, run: str = "copy") -> list[Verdict]:
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


def versions(warehouse: Warehouse, expected: int = 2) -> dict[str, str]:
    """The version of each partition of the copy, each of which is whole."""
    with warehouse.session(read_only=True) as session:
        if session.describe(TARGET) is None:
            return {}
        rows = session.execute("SELECT _partition, max(v), count(DISTINCT v), count(*) FROM published.daily GROUP BY 1")
    assert all(distinct == 1 and count == expected for _, _, distinct, count in rows)
    return {partition: version for partition, version, _, _ in rows}
