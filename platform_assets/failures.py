"""Kinds of failure: what went wrong, whether a retry can help, who has to act, and what comes next.

Every exception of the platform is a :class:`PlatformError` of one :class:`Kind`. What passes between rooms, and into
the ledger, the rejection file, metadata and `dagster.Failure`, is its :class:`Failure`. Errors of libraries are mapped
in one place each: the operating system's here, DuckDB's in `warehouse.duckdb.errors` (for files that are read,
`formats.duckdb_errors`), dbt's in `dbt.errors`. Nothing here imports anything of the platform.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from platform_assets.logs import logger

log = logger(__name__)


class Actor(StrEnum):
    """Who has to act: the sender of the data, whoever runs the platform, or whoever wrote the pipeline."""

    SENDER = "sender"
    OPERATOR = "operator"
    AUTHOR = "author"


class Kind(StrEnum):
    """What sort of failure it is. The kind alone decides about retries, by the policy of `platform_assets.retries`."""

    NOT_DELIVERED = "not_delivered"
    REJECTED = "rejected"
    MISCONFIGURED = "misconfigured"
    CREDENTIALS = "credentials"
    INFRASTRUCTURE = "infrastructure"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    HELD = "held"
    BUG = "bug"

    @property
    def retryable(self) -> bool:
        """Whether the same work may succeed if it is done again, of timeout and memory with more of either."""
        return self in (Kind.INFRASTRUCTURE, Kind.TIMEOUT, Kind.MEMORY)

    @property
    def actor(self) -> Actor:
        """Who has to act before it can succeed."""
        return _ACTORS[self]

    @property
    def next_step(self) -> str:
        """What that one does next, where the failure itself does not say more."""
        return _NEXT_STEPS[self]


_ACTORS = {
    Kind.NOT_DELIVERED: Actor.SENDER,
    Kind.REJECTED: Actor.SENDER,
    Kind.MISCONFIGURED: Actor.AUTHOR,
    Kind.CREDENTIALS: Actor.OPERATOR,
    Kind.INFRASTRUCTURE: Actor.OPERATOR,
    Kind.TIMEOUT: Actor.OPERATOR,
    Kind.MEMORY: Actor.OPERATOR,
    Kind.HELD: Actor.OPERATOR,
    Kind.BUG: Actor.OPERATOR,
}
_NEXT_STEPS = {
    Kind.NOT_DELIVERED: "wait for the delivery, or ask its sender",
    Kind.REJECTED: "have the data delivered again, or change the contract",
    Kind.MISCONFIGURED: "correct what the message names, then materialize the partition again",
    Kind.CREDENTIALS: "set the secret that the message names, then materialize the partition again",
    Kind.INFRASTRUCTURE: "mend what the message names; the partition is then asked for again",
    Kind.TIMEOUT: "see what it waited for; the partition is asked for once more",
    Kind.MEMORY: "give the run more memory; the partition is asked for once more, with twice the memory",
    Kind.HELD: "find out why it is held, mend that, then release it with `platform-assets release`",
    Kind.BUG: "report it with the log of the run; the other partitions went on",
}


@dataclass(frozen=True)
class Failure:
    """One failure as a value: ``code`` names it within its kind, such as ``compression:truncated``.

    ``message`` is for people and names the file, key or partition. It holds no value of a row.
    """

    kind: Kind
    code: str
    message: str
    hint: str = ""

    @property
    def retryable(self) -> bool:
        return self.kind.retryable

    @property
    def actor(self) -> Actor:
        return self.kind.actor

    @property
    def next_step(self) -> str:
        return self.hint or self.kind.next_step

    def __str__(self) -> str:
        return self.message

    def to_dict(self) -> dict[str, str]:
        """Plain values, for JSON."""
        return {key: str(value) for key, value in asdict(self).items() if value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | str) -> Failure:
        """What :meth:`to_dict` gave. A text is the message of an earlier version, which knew no kinds."""
        if isinstance(data, str):
            return cls(Kind.REJECTED, "unknown", data)
        return cls(Kind(data["kind"]), str(data["code"]), str(data.get("message", "")), str(data.get("hint", "")))


class PlatformError(Exception):
    """The root of the platform's exceptions. A subclass, or one instance, names its ``kind`` and ``code``."""

    kind: Kind = Kind.BUG
    code: str = "error"
    hint: ClassVar[str] = ""
    has_waited: ClassVar[bool] = False
    """Whether it comes at the end of a long wait, so that another try within the run helps nobody."""

    @property
    def failure(self) -> Failure:
        """The failure as a value."""
        return Failure(self.kind, self.code, str(self), self.hint)


def failure_of(error: BaseException) -> Failure:
    """The failure that an exception stands for. One that nobody thought of is a bug, and its text is withheld.

    Its text may quote a row, so only the type and the line are given; where it was raised goes to the log at DEBUG.
    """
    if isinstance(error, PlatformError):
        return error.failure
    if isinstance(error, TimeoutError):
        return Failure(Kind.TIMEOUT, "timeout", str(error) or "it took too long")
    if isinstance(error, MemoryError):
        return Failure(Kind.MEMORY, "memory", "there is not enough memory; nothing was changed")
    if isinstance(error, OSError):
        return failure_of_os(error)
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__))
    log.debug("an error that nobody thought of: %s\n%s", type(error).__name__, "".join(frames))
    message = f"an error of the platform itself ({_type_and_place(error)}); nothing was changed, report it"
    return Failure(Kind.BUG, type(error).__name__, message)


def first_cause(error: BaseException) -> BaseException:
    """What an exception that was raised from others began with."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def for_log(error: BaseException) -> str:
    """What the log says of an error: its message, or of a bug its type and place, as its text may quote a row."""
    failure = failure_of(error)
    return _type_and_place(error) if failure.kind is Kind.BUG else failure.message


def _type_and_place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "an unknown place"
    return f"{type(error).__name__} in {where}"


_OS_CODES = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EMFILE: "open_files",
    errno.ENFILE: "open_files",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "permission",
    errno.ENOMEM: "memory",
}


def failure_of_os(error: OSError) -> Failure:
    """An error of the operating system: of memory, else of the infrastructure, by what it says of disk and rights."""
    code = _OS_CODES.get(error.errno or 0, "io")
    reason = error.strerror or type(error).__name__
    name = f": {error.filename}" if error.filename else ""
    kind = Kind.MEMORY if code == "memory" else Kind.INFRASTRUCTURE
    return Failure(kind, code, f"{reason}{name}; nothing was changed")


__all__ = ["Actor", "Failure", "Kind", "PlatformError", "failure_of", "failure_of_os", "first_cause", "for_log"]
