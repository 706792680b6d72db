"""A PostgreSQL that is like Snowflake where its emulator is not: a statement that makes, changes or drops commits.

What stood in the transaction before it is committed with it, and what follows is a transaction of its own.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from platform_assets.warehouse.postgres.session import PostgresSession
from platform_assets.warehouse.postgres.staging import SCHEMA
from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse

SCHEME = "committing+"
"""What stands before the location of such a warehouse, for processes of tests."""
_COMMITS = re.compile(r"\s*(?:CREATE|ALTER|DROP|TRUNCATE|COMMENT|GRANT|REVOKE)\b", re.IGNORECASE)


class CommittingSession(PostgresSession):
    capabilities = replace(PostgresSession.capabilities, transactional_ddl=False)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        # how this engine stages is its own
        if not self.in_transaction or SCHEMA in sql or _COMMITS.match(sql) is None:
            return super().execute(sql, parameters)
        super().execute("COMMIT")
        try:
            return super().execute(sql, parameters)
        finally:
            super().execute("BEGIN")


class CommittingWarehouse(PostgresWarehouse):
    @contextlib.contextmanager
    def session(
        self, *, read_only: bool = False, purpose: str = "", wait_seconds: float | None = None
    ) -> Iterator[PostgresSession]:
        with super().session(read_only=read_only, purpose=purpose, wait_seconds=wait_seconds) as session:
            session.__class__ = CommittingSession
            yield session
