"""How names are written in generated SQL: the one place where one is quoted."""

from __future__ import annotations

import functools

from platform_assets.sql.dialects import Dialect, text_of


class Unwritable(ValueError):
    """A name or a value that no statement can hold."""


@functools.lru_cache(maxsize=16384)
def quoted(name: str, dialect: Dialect = Dialect.DUCKDB) -> str:
    """``name`` as a quoted identifier; :class:`Unwritable` for one with a NUL character."""
    from sqlglot import exp

    if "\0" in name:
        raise Unwritable(f"a name with a NUL character cannot be part of a statement: {name!r}")
    return text_of(exp.to_identifier(name, quoted=True), dialect)


def quoted_path(*parts: str, dialect: Dialect = Dialect.DUCKDB) -> str:
    """Quoted identifiers joined by dots, such as a table in its schema."""
    return ".".join(quoted(part, dialect) for part in parts)
