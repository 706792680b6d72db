"""A column has a type in each engine; in DuckDB it is written as DuckDB's catalog writes it."""

from __future__ import annotations

import duckdb
import pytest

from platform_assets.contracts.model import Column, LogicalType, Protection
from platform_assets.sql.dialects import Dialect
from platform_assets.sql.types import protected_type, sql_type

TYPES = {
    LogicalType.STRING: ("VARCHAR", "VARCHAR", "VARCHAR"),
    LogicalType.INTEGER: ("BIGINT", "BIGINT", "BIGINT"),
    LogicalType.NUMBER: ("DOUBLE", "DOUBLE PRECISION", "DOUBLE"),
    LogicalType.BOOLEAN: ("BOOLEAN", "BOOLEAN", "BOOLEAN"),
    LogicalType.DATE: ("DATE", "DATE", "DATE"),
    LogicalType.TIMESTAMP: ("TIMESTAMP", "TIMESTAMP", "TIMESTAMPNTZ"),
    LogicalType.TIMESTAMP_TZ: ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMPTZ"),
    LogicalType.JSON: ("JSON", "JSON", "VARIANT"),
}
COLUMNS = [
    *(Column("a", kind, "a") for kind in LogicalType),
    Column("a", LogicalType.NUMBER, "a", precision=12, scale=2),
    Column("a", LogicalType.NUMBER, "a", precision=38),
]


@pytest.mark.parametrize("kind", LogicalType)
def test_every_logical_type_has_one_in_every_engine(kind: LogicalType) -> None:
    assert tuple(sql_type(Column("a", kind, "a"), dialect) for dialect in Dialect) == TYPES[kind]


@pytest.mark.parametrize("dialect", Dialect)
def test_a_number_with_a_precision_is_an_exact_decimal(dialect: Dialect) -> None:
    assert sql_type(Column("a", LogicalType.NUMBER, "a", precision=12, scale=2), dialect) == "DECIMAL(12,2)"


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: sql_type(column))
def test_duckdb_calls_the_type_by_the_same_name(column: Column) -> None:
    with duckdb.connect() as engine:
        (described,) = engine.execute(f"DESCRIBE SELECT CAST(NULL AS {sql_type(column)}) AS a").fetchall()
    assert described[1] == sql_type(column)


@pytest.mark.parametrize("protection", [Protection.HASH, Protection.MASK])
def test_a_protected_value_is_a_text(protection: Protection) -> None:
    assert protected_type(Column("a", LogicalType.DATE, "a", protection=protection)) == "VARCHAR"
