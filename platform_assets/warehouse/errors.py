"""What a warehouse can answer besides rows.

Callers in ``publishing`` tell two things apart: :class:`StatementFailed`, the fault of a statement (a rule's
SQL, a file that is not there), after which the session goes on; and every other :class:`WarehouseError`, the
state of the warehouse itself, after which nothing may be concluded about the statement. How an engine's own
exceptions become these is in the engine's module, and what an engine has not been seen to blame on a statement
is never one.
"""

from __future__ import annotations

from platform_assets.failures import Kind, PlatformError


class WarehouseError(PlatformError):
    """The warehouse could not be used; the message says why and what to do next."""

    kind = Kind.INFRASTRUCTURE
    code = "warehouse"


class WarehouseBusy(WarehouseError):
    """Somebody else held the warehouse for longer than the caller was willing to wait."""

    code = "warehouse:busy"
    has_waited = True


class WarehouseUnreadable(WarehouseError):
    """The warehouse cannot be opened at all: not a database, no permission, no such folder."""

    code = "warehouse:unreadable"


class WarehouseExhausted(WarehouseError):
    """The disk or the memory of the warehouse is full; the transaction was rolled back.

    ``again`` says that a second attempt is given more memory than this one was.
    """

    code = "warehouse:exhausted"
    again = False

    def __init__(self, *arguments: object, of_memory: bool = False) -> None:
        super().__init__(*arguments)
        if of_memory:
            self.kind = Kind.MEMORY


class StorageFault(WarehouseError):
    """The operating system refused or broke a read or a write: no permission, too many open files, a bad disk."""

    code = "warehouse:storage"


class SessionMisused(WarehouseError):
    """A session was nested, closed, or carried over a fork: a mistake in the calling program."""

    kind = Kind.BUG
    code = "warehouse:session"


class StatementFailed(WarehouseError):
    """One statement was refused by the warehouse; the warehouse itself is well."""

    kind = Kind.BUG
    code = "warehouse:statement"


class IncompatibleTable(WarehouseError):
    """A table that exists cannot take the columns it is asked for without losing or changing values."""

    kind = Kind.MISCONFIGURED
    code = "warehouse:incompatible_table"


class ConnectionLost(WarehouseError):
    """The server of the warehouse does not answer, or no longer does; what was not committed is rolled back."""

    code = "warehouse:connection"


class WarehouseRefused(WarehouseError):
    """The server refused the role: a wrong or missing password, no such role, or a right that it lacks."""

    kind = Kind.CREDENTIALS
    code = "warehouse:refused"


class StatementTimeout(WarehouseError):
    """A statement took longer than the server lets this role's statements take."""

    kind = Kind.TIMEOUT
    code = "warehouse:statement_timeout"
