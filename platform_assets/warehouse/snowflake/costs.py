"""What the platform's queries cost, by asset, partitions and run: from Snowflake's query history into a table.

The history is found by the query tags that sessions set. It reaches back seven days; the table keeps what was read.
"""

from __future__ import annotations

import datetime as dt

from platform_assets.warehouse.protocol import ColumnDef, TableName
from platform_assets.warehouse.snowflake import tables
from platform_assets.warehouse.snowflake.statements import Statements

COSTS = TableName("platform", "query_costs")
COLUMNS = (
    ColumnDef("query", "VARCHAR", "Id of the query"),
    ColumnDef("asset", "VARCHAR", "Key of the asset that the session was opened for, with slashes"),
    ColumnDef("partitions", "VARCHAR", "Its partitions as a JSON list; of many the first and the last"),
    ColumnDef("partition_count", "BIGINT", "How many they are: a partition has its share of the cost"),
    ColumnDef("run_id", "VARCHAR", "The run"),
    ColumnDef("purpose", "VARCHAR", "What the session did"),
    ColumnDef("compute", "VARCHAR", "The warehouse that computed it"),
    ColumnDef("begun_at", "TIMESTAMP", "When it began, UTC"),
    ColumnDef("seconds", "DOUBLE", "How long it was executed"),
    ColumnDef("bytes_scanned", "BIGINT", "Bytes that it read"),
    ColumnDef("credits", "DOUBLE", "Credits for the time that it was executed, had it been alone on the warehouse"),
)
_TURN = "platform.costs"
_DAYS = 7
_MOST = 10_000
_CREDITS = {
    "X-Small": 1, "Small": 2, "Medium": 4, "Large": 8, "X-Large": 16, "2X-Large": 32, "3X-Large": 64, "4X-Large": 128,
    "5X-Large": 256, "6X-Large": 512,
}  # fmt: skip
"""Of an hour, by the size of a warehouse."""
_FACTOR = f"CASE h.warehouse_size {' '.join(f'WHEN {size!r} THEN {n}' for size, n in _CREDITS.items())} ELSE 0 END"
_TAG = "TRY_PARSE_JSON(h.query_tag)"


def record(session: Statements, keep: dt.timedelta) -> dict[str, int]:
    """Add what the history has and the table has not, and forget what is older than ``keep``; rows of each."""
    tables.ensure_table(session, COSTS, COLUMNS)
    table = session.quote(COSTS.schema, COSTS.name)
    names = ", ".join(session.quote(column.name) for column in COLUMNS)
    with session.transaction():
        session.take_turn(_TURN)
        added = session.execute(
            f"INSERT INTO {table} ({names}) SELECT h.query_id, {_TAG}:asset::VARCHAR, "
            f"TO_JSON({_TAG}:partitions), COALESCE({_TAG}:count::NUMBER(19,0), 0), {_TAG}:run::VARCHAR, "
            f"{_TAG}:purpose::VARCHAR, h.warehouse_name, "
            "CONVERT_TIMEZONE('UTC', h.start_time)::TIMESTAMP_NTZ(6), h.execution_time / 1000, h.bytes_scanned, "
            f"h.execution_time / 3600000 * {_FACTOR} "
            "FROM TABLE(information_schema.query_history("
            f"END_TIME_RANGE_START => DATEADD(DAY, -{_DAYS}, CURRENT_TIMESTAMP()), RESULT_LIMIT => {_MOST})) AS h "
            f"WHERE {_TAG}:app::VARCHAR = 'platform-assets' AND h.end_time IS NOT NULL "
            f'AND h.query_id NOT IN (SELECT "query" FROM {table})'
        )
        removed = session.execute(
            f'DELETE FROM {table} WHERE "begun_at" < DATEADD(SECOND, ?, SYSDATE())', [-int(keep.total_seconds())]
        )
    return {"queries added to platform.query_costs": _count(added), "queries forgotten": _count(removed)}


def latest(session: Statements, asset: str) -> dict[str, str | float]:
    """The latest run on ``asset`` that the table has, and the seconds and credits of its queries; nothing if none."""
    if tables.columns_of(session, COSTS) is None:
        return {}
    rows = session.execute(
        f'SELECT "run_id", SUM("seconds"), SUM("credits") FROM {session.quote(COSTS.schema, COSTS.name)} '
        'WHERE "asset" = ? AND "run_id" IS NOT NULL GROUP BY "run_id" ORDER BY MAX("begun_at") DESC LIMIT 1',
        [asset],
    )
    return {
        name: value
        for run, seconds, credits in rows
        for name, value in (("accounted_run", run), ("accounted_seconds", seconds), ("accounted_credits", credits))
    }


def _count(rows: list[tuple[object, ...]]) -> int:
    return int(str(rows[0][0])) if rows else 0
