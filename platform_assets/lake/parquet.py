"""Parquet as a source: typed columns, matched by name, each of a type that fits the contract's without a guess."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from platform_assets.contracts.identifiers import quoted, sql_path
from platform_assets.contracts.model import Contract, LogicalType
from platform_assets.contracts.row_rules import accepts
from platform_assets.contracts.types import sql_type
from platform_assets.lake.drift import judge_columns
from platform_assets.lake.engine import is_of_machine
from platform_assets.lake.records import Array
from platform_assets.lake.rejection import DeliveryRejected
from platform_assets.lake.source import Source

BATCH = 10_000


def open_parquet(contract: Contract, path: Path, engine: duckdb.DuckDBPyConnection) -> Source:
    """The file's rows; its footer tells their number."""
    location = sql_path(path)
    # a folder such as `day=2013-01-01` is a name and no column
    relation = f"read_parquet({location}, hive_partitioning = false, file_row_number = true)"
    try:
        described = engine.execute(
            f"DESCRIBE SELECT * FROM read_parquet({location}, hive_partitioning = false)"
        ).fetchall()
        # the engine cuts these before anybody can compare; without a zone it keeps them
        nanoseconds = [
            row[0]
            for row in engine.execute(
                f"SELECT name FROM parquet_schema({location}) "
                "WHERE logical_type LIKE '%isAdjustedToUTC=1%NanoSeconds()%'"
            ).fetchall()
        ]
        counted = engine.execute(f"SELECT num_rows FROM parquet_file_metadata({location})").fetchone()
    except duckdb.Error as error:
        if is_of_machine(error):
            raise
        raise DeliveryRejected(
            "structure:parquet", f"{path}: is not an intact Parquet file; deliver it again"
        ) from None
    types = {str(row[0]): str(row[1]) for row in described}
    warnings = judge_columns(contract, list(types), path.name, ordered=False)
    warnings += tuple(
        f"{path.name}: the column {name!r} is in nanoseconds with a zone: what is below a microsecond is cut off"
        for name in nanoseconds
    )
    expressions: list[tuple[str, str]] = []
    for column in contract.columns:
        kind = types.get(column.source_name)
        if kind is None:
            expressions.append(("CAST(NULL AS VARCHAR)", "VARCHAR"))
            continue
        if not accepts(column, kind):
            raise DeliveryRejected(
                "drift:type",
                f"{path.name}: the column {column.source_name!r} is {kind[:80]}, "
                f"the contract says {column.type} ({sql_type(column)})",
            )
        if column.type is LogicalType.JSON and kind != "VARCHAR":
            # as a text it is held to the rules of JSON: the engine writes infinity and repeated keys, too
            name = quoted(column.source_name)
            expressions.append((f"CASE WHEN {name} IS NOT NULL THEN CAST(to_json({name}) AS VARCHAR) END", "VARCHAR"))
            continue
        expressions.append((quoted(column.source_name), kind))

    packed = f"struct_pack({', '.join(f'{quoted(name)} := {quoted(name)}' for name in types)})"

    def raw(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        for start in range(0, len(numbers), BATCH):
            part = numbers[start : start + BATCH].tolist()
            rows = engine.execute(
                f"SELECT file_row_number, CAST(to_json(row) AS VARCHAR) FROM "
                f"(SELECT file_row_number, {packed} AS row FROM {relation}) "
                "WHERE file_row_number IN (SELECT unnest(?)) ORDER BY file_row_number",
                [part],
            ).fetchall()
            for number, text in rows:
                yield number, number + 1, text.encode()

    records = int(counted[0]) if counted else 0
    return Source(path.name, relation, tuple(expressions), records, 0, raw, "file_row_number", warnings=warnings)
