"""What the sessions of all engines have in common: one connection of one process, and transactions that do not nest."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from platform_assets.sql.dialects import Dialect
from platform_assets.sql.identifiers import quoted_path
from platform_assets.sql.literals import literal
from platform_assets.warehouse.errors import SessionMisused, WarehouseError
from platform_assets.warehouse.protocol import PARTITION_NAME

Connection = TypeVar("Connection")


class Connected(Generic[Connection]):
    """A session on a connection that this process has opened; an engine says how a statement is executed."""

    dialect: ClassVar[Dialect]
    after_fork: ClassVar[str] = "where it cannot be used"
    """What becomes of a session that a child uses, for the message that refuses it."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection
        self._pid = os.getpid()
        self._in_transaction = False

    @property
    def in_transaction(self) -> bool:
        return self._in_transaction

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """See ``Session.execute``."""
        raise NotImplementedError

    def quote(self, *parts: str) -> str:
        return quoted_path(*parts, dialect=self.dialect)

    def staged_rows(self, relation: str) -> dict[str, int]:
        """See ``Session.staged_rows``."""
        return dict(self.execute(f"SELECT s.{PARTITION_NAME}, count(*) FROM {relation} AS s GROUP BY 1"))

    def text(self, value: object) -> str:
        """``value`` as a literal."""
        return literal(value, self.dialect)

    @contextlib.contextmanager
    def _block(self, begin: str) -> Iterator[None]:
        """A transaction that the statement ``begin`` begins."""
        if self._in_transaction:
            raise SessionMisused("a transaction is open already in this session, and transactions do not nest")
        self.execute(begin)
        self._in_transaction = True
        try:
            yield
            self._commit()
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._in_transaction = False

    def _commit(self) -> None:
        self.execute("COMMIT")

    def _roll_back(self) -> None:
        # on a connection that is lost there is nothing left to roll back; the first error is the one to report
        with contextlib.suppress(WarehouseError):
            self.execute("ROLLBACK")

    def _within(self) -> None:
        """Raises ``SessionMisused`` where no transaction is open, of which a turn is a part."""
        if not self._in_transaction:
            raise SessionMisused("a turn lasts as long as a transaction, and there is none")

    def _usable(self) -> Connection:
        if self._connection is None:
            raise SessionMisused("this session is closed; open a new one")
        if self._pid != os.getpid():
            raise SessionMisused(
                f"this session was opened in process {self._pid} and carried over a fork into {os.getpid()}, "
                f"{self.after_fork}; open a new one in the child"
            )
        return self._connection
