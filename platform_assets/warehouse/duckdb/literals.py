"""Python values as DuckDB literals: the one place where a value becomes text of a statement."""

from __future__ import annotations

import datetime as dt
import math


def literal(value: object) -> str:
    """``value`` as a literal that DuckDB reads back as the same value.

    Takes None, bool, int, float, str, date and datetime without zone; raises ``TypeError`` for anything else and
    ``ValueError`` for text that no DuckDB statement can hold.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)" if not math.isfinite(value) else f"CAST({value!r} AS DOUBLE)"
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise TypeError(f"{value!r} has a time zone; the warehouse keeps its own times in UTC without one")
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError(f"text with a NUL character cannot be part of a statement: {value!r}")
        # DuckDB knows no backslash escapes: the quote is the only character that means something
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"{type(value).__name__} is not a type that can be bound")
