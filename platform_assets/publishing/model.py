"""What passes between a writer, the ledger and a reader: candidates, check results, verdicts, refusals.

Plain values only; where they are stored is in ``ledger``, how they come about in ``publisher`` and ``models``.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from platform_assets.contracts.model import Severity


class State(StrEnum):
    """Where a version of a partition stands. ``PENDING``: being written in place, no verdict yet."""

    PENDING = "pending"
    PUBLISHED = "published"
    REJECTED = "rejected"


class Content(StrEnum):
    """What a version holds: rows, validly none, or nothing because nothing was due."""

    DATA = "data"
    EMPTY = "empty"
    NOT_DUE = "not_due"


@dataclass(frozen=True)
class Candidate:
    """A version of one partition that asks to be published.

    ``files`` are absolute paths of Parquet files that never change again; ``rows`` is how many rows they hold
    by their manifest. ``state`` is ``data``, ``empty`` or ``not_due``; the last two publish no rows, for
    ``reason``. ``content_hash`` is what the ledger shows as the hash; the version when it is not given.
    """

    partition: str
    version: str
    files: tuple[str, ...] = ()
    rows: int = 0
    state: str = "data"
    reason: str = ""
    content_hash: str = ""


@dataclass(frozen=True)
class CheckResult:
    """What one rule said about one partition; ``value`` is None where nothing could be measured."""

    name: str
    severity: Severity
    passed: bool
    value: float | None = None
    bounds: str = ""
    message: str = ""

    @property
    def blocks(self) -> bool:
        return not self.passed and self.severity is Severity.ERROR


@dataclass(frozen=True)
class Verdict:
    """What became of a candidate. ``unchanged``: this very version was published already, nothing was written."""

    asset: str
    partition: str
    version: str
    state: State
    content: Content
    checks: tuple[CheckResult, ...]
    rows: int
    hash: str
    run_id: str
    message: str = ""
    unchanged: bool = False

    @property
    def published(self) -> bool:
        return self.state is State.PUBLISHED

    @property
    def failed_check(self) -> CheckResult | None:
        """The first check that blocked, or None."""
        return next((check for check in self.checks if check.blocks), None)


@dataclass(frozen=True)
class LedgerEntry:
    """One line of the ledger. ``token`` orders the versions of a partition; ``at`` is UTC."""

    asset: str
    partition: str
    version: str
    state: State
    content: Content
    rows: int
    hash: str
    rules: str
    run_id: str
    check: str
    message: str
    checks: tuple[CheckResult, ...]
    token: int
    at: dt.datetime

    @classmethod
    def of(cls, verdict: Verdict, *, rules: str, token: int, at: dt.datetime) -> LedgerEntry:
        """The line that records ``verdict``, written under the fencing ``token``."""
        failed = verdict.failed_check
        return cls(
            asset=verdict.asset,
            partition=verdict.partition,
            version=verdict.version,
            state=verdict.state,
            content=verdict.content,
            rows=verdict.rows,
            hash=verdict.hash,
            rules=rules,
            run_id=verdict.run_id,
            check=failed.name if failed else "",
            message=verdict.message,
            checks=verdict.checks,
            token=token,
            at=at,
        )

    def verdict(self, *, message: str, unchanged: bool) -> Verdict:
        """The verdict this line recorded."""
        return Verdict(
            asset=self.asset,
            partition=self.partition,
            version=self.version,
            state=self.state,
            content=self.content,
            checks=self.checks,
            rows=self.rows,
            hash=self.hash,
            run_id=self.run_id,
            message=message,
            unchanged=unchanged,
        )


@dataclass(frozen=True)
class Refusal:
    """Why a partition may not be read. ``check`` and ``run_id`` are empty when it never had a candidate."""

    asset: str
    partition: str
    check: str
    run_id: str
    message: str

    def __str__(self) -> str:
        if not self.run_id:
            return f"{self.asset}, partition {self.partition}: {self.message}"
        check = f"check {self.check} failed in" if self.check else "left by"
        return f"{self.asset}, partition {self.partition}: {check} run {self.run_id}: {self.message}"


def checks_to_text(checks: tuple[CheckResult, ...]) -> str:
    return json.dumps([asdict(check) for check in checks])


def checks_from_text(text: str) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(**{**item, "severity": Severity(item["severity"])}) for item in json.loads(text))
