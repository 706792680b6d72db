"""Each engine's type of a column, before and after personal values were protected."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from platform_assets.contracts.model import Column, Contract, LogicalType, Protection
from platform_assets.sql.dialects import Dialect, text_of

if TYPE_CHECKING:
    from sqlglot import exp

_TYPES = {
    LogicalType.STRING: "VARCHAR",
    LogicalType.INTEGER: "BIGINT",
    LogicalType.NUMBER: "DOUBLE",
    LogicalType.BOOLEAN: "BOOLEAN",
    LogicalType.DATE: "DATE",
    LogicalType.TIMESTAMP: "TIMESTAMPNTZ",
    LogicalType.TIMESTAMP_TZ: "TIMESTAMPTZ",
    LogicalType.JSON: "JSON",
}
"""sqlglot's words, of which each engine has a type of its own."""

_CATALOG = {"TEXT": "VARCHAR", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
"""What DuckDB's catalog says where sqlglot writes another name: its types are compared with, and digested."""


def sql_type(column: Column, dialect: Dialect = Dialect.DUCKDB) -> str:
    """The engine's type for the column's values as the contract describes them."""
    return _name(column.type, column.precision, column.scale, dialect)


def protected_type(column: Column, dialect: Dialect = Dialect.DUCKDB) -> str:
    """The type of a column once its values are protected: pseudonyms and masked values are texts."""
    if column.protection in (Protection.HASH, Protection.MASK):
        return _name(LogicalType.STRING, None, None, dialect)
    return sql_type(column, dialect)


def raw_columns(contract: Contract, dialect: Dialect = Dialect.DUCKDB) -> list[tuple[str, str, str]]:
    """Name, type and description of each column in the lake's Parquet and the raw table.

    Dropped columns are absent; pseudonyms and masked values are texts.
    """
    return [
        (column.name, protected_type(column, dialect), column.description)
        for column in contract.columns
        if column.protection is not Protection.DROP
    ]


def data_type(kind: LogicalType, precision: int | None = None, scale: int | None = None) -> exp.DataType:
    """The type as sqlglot has it: a number with a precision is an exact decimal."""
    from sqlglot import exp

    if kind is LogicalType.NUMBER and precision is not None:
        return exp.DataType.build(f"DECIMAL({precision}, {scale or 0})")
    return exp.DataType.build(_TYPES[kind])


@functools.lru_cache(maxsize=1024)
def _name(kind: LogicalType, precision: int | None, scale: int | None, dialect: Dialect) -> str:
    name = text_of(data_type(kind, precision, scale), dialect).replace(", ", ",")
    return _CATALOG.get(name, name) if dialect is Dialect.DUCKDB else name
