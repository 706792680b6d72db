"""The engines whose SQL the platform writes, and how an expression becomes the text of one of them.

sqlglot is imported when the first text is made: many processes load the warehouse and never write a statement.
"""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import Generator, exp


class Dialect(StrEnum):
    """An engine by sqlglot's name for its dialect. Contracts are written in DuckDB's."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"
    SNOWFLAKE = "snowflake"


class _Generators(threading.local):
    """sqlglot's writers of this thread: they have a state while they write, and cost more than most texts to make."""

    def __init__(self) -> None:
        self.made: dict[Dialect, Generator] = {}


_generators = _Generators()


def text_of(expression: exp.Expr, dialect: Dialect = Dialect.DUCKDB) -> str:
    """``expression`` as text of ``dialect``; sqlglot's ``UnsupportedError`` where that has no way to say it."""
    made = _generators.made
    if dialect not in made:
        made[dialect] = _generator(dialect)
    return made[dialect].generate(expression)


def _generator(dialect: Dialect) -> Generator:
    from sqlglot import Dialect as Known
    from sqlglot.errors import ErrorLevel

    return Known.get_or_raise(dialect.value).generator(unsupported_level=ErrorLevel.RAISE, comments=False)
