"""Python values as SQL literals: the one place where a value becomes text of a statement."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.sql.dialects import Dialect, text_of
from platform_assets.sql.identifiers import Unwritable

if TYPE_CHECKING:
    from sqlglot import exp

_PLAIN_TEXTS = (Dialect.DUCKDB, Dialect.POSTGRES)
"""Dialects in which only a quote has a meaning in a text; PostgreSQL with ``standard_conforming_strings``."""

DIGITS = 38
"""Of a decimal, in every engine; one with more of them would be read as a double."""


def literal(value: object, dialect: Dialect = Dialect.DUCKDB) -> str:
    """``value`` as a literal that the engine reads back as the same value.

    Takes None, bool, int, float, Decimal, str, date and datetime without zone; raises ``TypeError`` for anything else
    and :class:`Unwritable` for a text with a NUL character and a decimal that is not finite or has too many digits.
    """
    plain = _plain(value, dialect)
    return text_of(expression(value), dialect) if plain is None else plain


def _plain(value: object, dialect: Dialect) -> str | None:
    """The literal of a value that is written in one way; None for others.

    These are most of what is bound, and the import of sqlglot would take most of the time of a small command. A test
    holds them against it.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, str) and dialect in _PLAIN_TEXTS and "\0" not in value:
        doubled = value.replace("'", "''")
        return f"'{doubled}'"
    return None


def path_literal(path: Path | str) -> str:
    """The path of one file for DuckDB to read, as a literal in which it sees no wildcard.

    Files to be written (``COPY ... TO``) take :func:`literal`: DuckDB has no wildcards there.
    """
    return literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path)))


def expression(value: object) -> exp.Expr:
    """``value`` as a part of a larger expression."""
    from sqlglot import exp

    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int):
        return exp.Literal.number(value)
    if isinstance(value, float):
        return exp.cast(exp.Literal.string(repr(value)), exp.DataType.Type.DOUBLE)
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise TypeError(f"{value!r} has a time zone; the warehouse keeps its own times in UTC without one")
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), exp.DataType.Type.TIMESTAMPNTZ)
    if isinstance(value, dt.date):
        return exp.cast(exp.Literal.string(value.isoformat()), exp.DataType.Type.DATE)
    if isinstance(value, str):
        if "\0" in value:
            raise Unwritable(f"text with a NUL character cannot be part of a statement: {value!r}")
        return exp.Literal.string(value)
    raise TypeError(f"{type(value).__name__} is not a type that can be bound")


def _decimal(value: Decimal) -> exp.Expr:
    from sqlglot import exp

    if not value.is_finite():
        raise Unwritable(f"{value} is not a number that a decimal can be")
    text = format(value, "f")
    if len(text.lstrip("-").replace(".", "").lstrip("0")) > DIGITS or len(text.partition(".")[2]) > DIGITS:
        raise Unwritable(f"{value} has more than {DIGITS} digits")
    return exp.Literal.number(text)
