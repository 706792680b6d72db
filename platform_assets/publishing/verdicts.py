"""What passes between a writer, the ledger and a reader: candidates, check results, verdicts, refusals.

Plain values only; where they are stored is in ``ledger``, how they come about in ``write_audit_publish`` and
``in_place``.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from platform_assets.contracts.severity import Severity
from platform_assets.failures import Failure, Kind

VERDICT = "verdict"
"""Name of the check that every asset of the platform has: no partition of the run was rejected, else the run fails."""


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
    by their manifest. Where they are copies, ``origins`` are the URLs of what was copied; of objects of a lake,
    ``keys`` are their keys below its root. ``state`` is ``data``, ``empty`` or ``not_due``; the last two publish no
    rows, for ``reason``. ``content_hash`` is what the ledger shows as the hash; the version when it is not given.
    """

    partition: str
    version: str
    files: tuple[str, ...] = ()
    rows: int = 0
    state: str = "data"
    reason: str = ""
    content_hash: str = ""
    origins: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """What one rule said about one partition; ``value`` is None where nothing could be measured.

    ``kind`` is what a failed check is a failure of: data in most cases, a lost file or a model that dbt cannot build
    in others.
    """

    name: str
    severity: Severity
    passed: bool
    value: float | None = None
    bounds: str = ""
    message: str = ""
    kind: Kind = Kind.REJECTED

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

    @property
    def check(self) -> str:
        """The name of the first check that blocked, or nothing."""
        return self.failed_check.name if self.failed_check is not None else ""

    @property
    def failure(self) -> Failure | None:
        """Why it was rejected; None unless it was."""
        if self.state is not State.REJECTED:
            return None
        failed = self.failed_check
        if failed is None:
            return Failure(Kind.REJECTED, "rejected", self.message)
        return Failure(failed.kind, failed.name, f"check {failed.name}: {self.message}")


@dataclass(frozen=True, kw_only=True)
class LedgerEntry(Verdict):
    """A verdict as a line of the ledger. ``token`` orders the versions of a partition; ``at`` is UTC.

    ``rules`` is a digest of what a candidate was audited by; empty for a table that a tool overwrites in place.
    ``failure_kind`` and ``failure_code`` are those that the line was written with: empty unless it is a rejection, and
    in lines of a version that did not record them.
    """

    rules: str
    token: int
    at: dt.datetime
    failure_kind: str = ""
    failure_code: str = ""

    @classmethod
    def of(cls, verdict: Verdict, *, rules: str, token: int, at: dt.datetime) -> LedgerEntry:
        """The line that records ``verdict``, written under the fencing ``token``."""
        return cls(**_values(verdict), rules=rules, token=token, at=at)

    @property
    def failure(self) -> Failure | None:
        """Why it was rejected, of the kind and code that were recorded; else as far as the checks say."""
        derived = super().failure
        kind = _known_kind(self.failure_kind)
        # a kind that only a newer version knows is left to what the checks say
        if derived is None or kind is None:
            return derived
        return replace(derived, kind=kind, code=self.failure_code)

    @property
    def in_place(self) -> bool:
        """Whether the rows were there before the verdict: the hash is that of the table, which may change since."""
        return not self.rules

    def as_unchanged(self, message: str) -> Verdict:
        """The verdict on a candidate whose very version this line has published."""
        return Verdict(**{**_values(self), "message": message, "unchanged": True})


def _values(verdict: Verdict) -> dict[str, Any]:
    return {field.name: getattr(verdict, field.name) for field in fields(Verdict)}


@dataclass(frozen=True)
class Refusal:
    """Why a partition may not be read. ``check`` and ``run_id`` are empty when it never had a candidate."""

    asset: str
    partition: str
    check: str
    run_id: str
    message: str
    kind: Kind = Kind.REJECTED

    @property
    def failure(self) -> Failure:
        """The refusal as a failure of whoever wanted to read."""
        return Failure(self.kind, self.check or "upstream", str(self))

    def __str__(self) -> str:
        if not self.run_id:
            return f"{self.asset}, partition {self.partition}: {self.message}"
        check = f"check {self.check} failed in" if self.check else "left by"
        return f"{self.asset}, partition {self.partition}: {check} run {self.run_id}: {self.message}"


def checks_to_text(checks: tuple[CheckResult, ...]) -> str:
    # a field at its default is left out, so that lines of earlier versions and of this one look alike
    return json.dumps([_without_defaults(check) for check in checks])


def _without_defaults(check: CheckResult) -> dict[str, Any]:
    kind = {} if check.kind is Kind.REJECTED else {"kind": check.kind.value}
    return {**{key: value for key, value in asdict(check).items() if key != "kind"}, **kind}


def checks_from_text(text: str) -> tuple[CheckResult, ...]:
    """The checks of a line of the ledger, whichever version wrote it.

    The format of the ledger is the number of its migrations, and a newer one is refused before any line is read. What a
    newer version adds without a migration changes nothing for older ones: keys that are not known are passed over, and
    a kind that is not known is left to the default. A severity that is not known blocks.
    """
    return tuple(_check(item) for item in json.loads(text))


def _check(item: dict[str, Any]) -> CheckResult:
    known = {field.name for field in fields(CheckResult)}
    values = {key: value for key, value in item.items() if key in known}
    kind = _known_kind(values.pop("kind", None)) or Kind.REJECTED
    return CheckResult(**{**values, "severity": _known_severity(item["severity"]), "kind": kind})


def _known_severity(recorded: object) -> Severity:
    return next((severity for severity in Severity if severity.value == recorded), Severity.ERROR)


def _known_kind(recorded: object) -> Kind | None:
    """The kind as it was recorded; None if there is none, or only a newer version knows it."""
    return next((kind for kind in Kind if kind.value == recorded), None)
