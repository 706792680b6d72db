"""How names, texts and paths are written in generated SQL: the one place where any of them is quoted."""

from __future__ import annotations

from pathlib import Path


def quoted(name: str) -> str:
    """``name`` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_path(path: Path) -> str:
    """The path of one file to read, as a SQL string literal in which the engine sees no wildcard.

    Files to be written (``COPY ... TO``) take :func:`sql_text`: the engine has no wildcards there.
    """
    return sql_text("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path)))
