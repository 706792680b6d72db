"""A fifth engine in one file: it is spoken to in PostgreSQL's dialect, and keeps its tables in a DuckDB file.

What a package has to write for an engine of its own is a factory, a warehouse and a session, as here.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlglot

from platform_assets.sql.dialects import Dialect
from platform_assets.sql.identifiers import quoted_path
from platform_assets.warehouse.duckdb.session import DuckDBSession
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import Session, Warehouse
from platform_assets.warehouse.running import bound


class TranslatedSession:
    """What is asked in words of PostgreSQL is translated; everything else is the session's that it wraps."""

    dialect = Dialect.POSTGRES
    capabilities = dataclasses.replace(DuckDBSession.capabilities)

    def __init__(self, inner: DuckDBSession) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            (translated,) = sqlglot.transpile(bound(sql, parameters, self.dialect), read="postgres", write="duckdb")
        except sqlglot.ParseError as error:
            raise StatementFailed(str(error)) from error
        return self._inner.execute(translated)

    def quote(self, *parts: str) -> str:
        return quoted_path(*parts, dialect=self.dialect)


@dataclass(frozen=True)
class TranslatedWarehouse:
    inner: DuckDBWarehouse

    @contextlib.contextmanager
    def session(
        self, *, read_only: bool = False, purpose: str = "", wait_seconds: float | None = None
    ) -> Iterator[Session]:
        with self.inner.session(read_only=read_only, purpose=purpose, wait_seconds=wait_seconds) as session:
            yield TranslatedSession(session)

    def reserve(self, *, purpose: str = "") -> contextlib.AbstractContextManager[None]:
        return self.inner.reserve(purpose=purpose)

    def tool_variables(self) -> Mapping[str, str]:
        return self.inner.tool_variables()

    def blames_statement(self, text: str) -> bool | None:
        return self.inner.blames_statement(text)


def open_translated(location: str, *, wait_seconds: float, memory_limit: str | None) -> Warehouse:
    """What an entry point of the group ``platform_assets.warehouses`` names."""
    folder = Path(location.partition("://")[2])
    return TranslatedWarehouse(DuckDBWarehouse(folder / "w.duckdb", wait_seconds, memory_limit, threads=1))
