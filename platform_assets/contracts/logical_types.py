"""The types that a column of a contract can have."""

from __future__ import annotations

from enum import StrEnum


class LogicalType(StrEnum):
    """The types a column can have. ``NUMBER`` with a precision is an exact decimal, without one a double."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMP_TZ = "timestamp_tz"
    JSON = "json"
