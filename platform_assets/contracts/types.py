"""The engine's type of each column, before and after personal values were protected."""

from __future__ import annotations

from platform_assets.contracts.model import Column, Contract, LogicalType, Protection

PSEUDONYM_TYPE = "VARCHAR"
MASKED_TYPE = "VARCHAR"

_TYPES = {
    LogicalType.STRING: "VARCHAR",
    LogicalType.INTEGER: "BIGINT",
    LogicalType.NUMBER: "DOUBLE",
    LogicalType.BOOLEAN: "BOOLEAN",
    LogicalType.DATE: "DATE",
    LogicalType.TIMESTAMP: "TIMESTAMP",
    LogicalType.TIMESTAMP_TZ: "TIMESTAMP WITH TIME ZONE",
    LogicalType.JSON: "JSON",
}


def sql_type(column: Column) -> str:
    """DuckDB's type for the column's values as the contract describes them."""
    if column.type is LogicalType.NUMBER and column.precision is not None:
        return f"DECIMAL({column.precision},{column.scale or 0})"
    return _TYPES[column.type]


def raw_columns(contract: Contract) -> list[tuple[str, str, str]]:
    """Name, type and description of each column in the lake's Parquet and the raw table.

    Dropped columns are absent; pseudonyms and masked values are texts.
    """
    return [
        (column.name, protected_type(column), column.description)
        for column in contract.columns
        if column.protection is not Protection.DROP
    ]


def protected_type(column: Column) -> str:
    """The type of a column once its values are protected."""
    if column.protection is Protection.HASH:
        return PSEUDONYM_TYPE
    if column.protection is Protection.MASK:
        return MASKED_TYPE
    return sql_type(column)
