"""How names are written in generated SQL: the one place where one is quoted."""

from __future__ import annotations

from platform_assets.sql.dialects import Dialect


class Unwritable(ValueError):
    """A name or a value that no statement can hold."""


def quoted(name: str, dialect: Dialect = Dialect.DUCKDB) -> str:  # noqa: ARG001 - see below
    """``name`` as a quoted identifier; :class:`Unwritable` for one with a NUL character.

    All dialects quote as the standard of SQL does; a test holds that against sqlglot, whose import would take most of
    the time of a small command.
    """
    if "\0" in name:
        raise Unwritable(f"a name with a NUL character cannot be part of a statement: {name!r}")
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def quoted_path(*parts: str, dialect: Dialect = Dialect.DUCKDB) -> str:
    """Quoted identifiers joined by dots, such as a table in its schema."""
    return ".".join(quoted(part, dialect) for part in parts)
