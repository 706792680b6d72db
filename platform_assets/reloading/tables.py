"""Clear values searched for in columns: of tables of the warehouse, and of Parquet as it is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from platform_assets.reloading.values import ClearValues
from platform_assets.sql.containing import being_sql, counting_sql, holding_sql
from platform_assets.sql.literals import path_literal

Query = Callable[[str], Sequence[Sequence[Any]]]
_PLAIN = (
    "BIGINT",
    "HUGEINT",
    "INTEGER",
    "SMALLINT",
    "TINYINT",
    "DOUBLE",
    "FLOAT",
    "DECIMAL",
    "BOOLEAN",
    "DATE",
    "TIME",
)
"""What types begin with whose values hold no text."""


def in_columns(query: Query, relation: str, columns: Sequence[tuple[str, str]], values: ClearValues) -> dict[str, int]:
    """The columns (name and type) of a relation that hold a clear value, with in how many rows."""
    conditions = {}
    by_column = {name.lower(): found for name, found in values.by_column.items()}
    for name, kind in columns:
        of_it = by_column.get(name.lower(), [])
        parts = [being_sql(name, of_it)] if of_it else []
        if kind.endswith("]") or not kind.lstrip("U").startswith(_PLAIN):
            parts.append(holding_sql(name, kind, values.anywhere))
        if parts:
            conditions[name] = " OR ".join(parts)
    if not conditions:
        return {}
    found = query(counting_sql(relation, conditions))[0]
    return {name: int(count) for name, count in zip(conditions, found, strict=True) if count}


def in_parquet(engine: duckdb.DuckDBPyConnection, path: Path, values: ClearValues) -> dict[str, int]:
    """:func:`in_columns` of a Parquet file."""
    relation = f"read_parquet({path_literal(path)}, hive_partitioning = false)"

    def query(sql: str) -> list[tuple[Any, ...]]:
        return engine.execute(sql).fetchall()

    columns = [(row[0], row[1]) for row in query(f"DESCRIBE SELECT * FROM {relation}")]
    return in_columns(query, relation, columns, values)
