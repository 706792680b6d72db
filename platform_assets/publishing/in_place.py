"""Verdicts on tables that a tool of its own overwrites in place (dbt models).

Their rows are there before anybody has audited them, so the ledger comes first: :func:`open_candidates` marks
the partitions pending, which closes them to every reader, and :func:`record_verdicts` closes them with what the
tests said. A process that dies in between leaves them pending: closed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from platform_assets.contracts.severity import Severity
from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind
from platform_assets.publishing import ledger
from platform_assets.publishing.fingerprints import EMPTY_HASH, data_columns, fingerprints, row_counts
from platform_assets.publishing.leases import LEASE_SECONDS, Lease, acquire, release, renew
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.taking import WAIT_SECONDS, lease_owner, take
from platform_assets.publishing.verdicts import CheckResult, Content, LedgerEntry, State, Verdict
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import Session, TableName, Warehouse

BUILT_CHECK = "built"
"""The check that a model was built at all."""

KEPT_CHECK = "rows_kept"
"""The check that the partitions which a run did not build have kept their rows."""


@dataclass(frozen=True)
class OpenCandidates:
    """Partitions that are pending under a lease of this process, until their verdicts are recorded."""

    lease: Lease

    @property
    def run_id(self) -> str:
        return self.lease.run_id

    def partitions(self, asset: str) -> list[str]:
        return sorted(partition for name, partition in self.lease.tokens if name == asset)


@dataclass(frozen=True)
class BuiltModel:
    """What a tool built for one asset, and what its tests said by partition.

    A failed check of severity error rejects its partition. ``partition_column`` holds the partition key, as text or
    as a value whose text it is; None for a table without partitions.
    """

    table: TableName
    partition_column: str | None
    checks: Mapping[str, Sequence[CheckResult]] = field(default_factory=dict)


@contextlib.contextmanager
def open_candidates(
    warehouse: Warehouse,
    *,
    partitions: Mapping[str, Sequence[str]] | Callable[[Session], Mapping[str, Sequence[str]]],
    run_id: str,
    lease_seconds: float = LEASE_SECONDS,
    wait_seconds: float = WAIT_SECONDS,
) -> Iterator[OpenCandidates]:
    """Take the lease on all ``partitions`` (by asset) and mark them pending, in one transaction.

    A function finds them in the session that takes the lease, anew after each wait for another run. The block ends with
    :func:`record_verdicts`. A block that raises leaves the partitions pending, which keeps them closed without a
    verdict, and gives the lease back. Raises ``LeaseHeld``.
    """

    def attempt(session: Session) -> Lease:
        by_asset = partitions(session) if callable(partitions) else partitions
        keys = [(asset, partition) for asset, wanted in by_asset.items() for partition in dict.fromkeys(wanted)]
        if not keys:
            return Lease(owner, run_id, lease_seconds, {})
        with session.transaction():
            taken = acquire(session, keys, owner=owner, run_id=run_id, seconds=lease_seconds)
            ledger.append(session, _pending(taken, session.now()))
            failpoint("publish.in_place.before_open")
        return taken

    with lease_owner(warehouse, lease_seconds=lease_seconds) as owner:
        purpose = f"run {run_id} opening candidates"
        lease = take(warehouse, attempt, run_id=run_id, wait_seconds=wait_seconds, purpose=purpose)
        failpoint("publish.in_place.opened")
        yield OpenCandidates(lease)


def record_verdicts(
    warehouse: Warehouse,
    opened: OpenCandidates,
    built: Mapping[str, BuiltModel] | Callable[[Session], Mapping[str, BuiltModel]],
    *,
    reason: str = "the model was not built",
) -> list[Verdict]:
    """Close pending partitions, all in one transaction; rows and hash are taken from the tables as they are now.

    A function for ``built`` is called in the session that records, before anything is written. An asset that was
    opened and is not in ``built`` is rejected for ``reason``. Published partitions of the tables that were not opened,
    and have lost or won rows all the same, are rejected too: their verdicts follow those of the opened ones, with the
    check ``KEPT_CHECK``. Raises ``LeaseLost`` when another run has taken a partition over meanwhile; then no verdict of
    this call stands.
    """
    lease = opened.lease
    with ledger_session(warehouse, purpose=f"run {lease.run_id} recording verdicts") as session:
        models = built(session) if callable(built) else built
        verdicts: list[Verdict] = []
        for asset in dict.fromkeys(asset for asset, _ in lease.tokens):
            verdicts += _verdicts(session, opened, asset, models.get(asset), reason)
        failpoint("publish.in_place.audited")
        with session.transaction():
            renew(session, lease)
            tokens, now = lease.tokens, session.now()
            entries = [LedgerEntry.of(v, rules="", token=tokens[(v.asset, v.partition)], at=now) for v in verdicts]
            lost = [entry for asset, model in models.items() for entry in _lost(session, lease, asset, model, now)]
            ledger.append(session, [*entries, *lost])
            for asset, model in models.items():
                ledger.register_table(session, asset, model.table)
            release(session, lease.owner)
            failpoint("publish.in_place.before_commit")
        failpoint("publish.in_place.recorded")
    return [*verdicts, *lost]


def _pending(lease: Lease, now: dt.datetime) -> list[LedgerEntry]:
    return [
        LedgerEntry.of(_verdict(asset, partition, lease.run_id, State.PENDING), rules="", token=token, at=now)
        for (asset, partition), token in lease.tokens.items()
    ]


def _verdicts(
    session: Session, opened: OpenCandidates, asset: str, model: BuiltModel | None, reason: str
) -> list[Verdict]:
    partitions = opened.partitions(asset)
    found: dict[str, tuple[int, str]] = {}
    error = reason if model is None else ""
    if model is not None:
        try:
            found = _measured(session, model, partitions)
        except StatementFailed as failure:
            error = str(failure).splitlines()[0]
    if model is None or error:
        # why it was not built comes first, where that is known: a missing table is only what follows from it
        known = model.checks if model is not None else {}
        failed = CheckResult(BUILT_CHECK, Severity.ERROR, passed=False, message=error, kind=Kind.MISCONFIGURED)
        return [_verdict(asset, p, opened.run_id, State.REJECTED, (*known.get(p, ()), failed)) for p in partitions]
    verdicts = []
    for partition in partitions:
        checks = tuple(model.checks.get(partition, ()))
        state = State.REJECTED if any(check.blocks for check in checks) else State.PUBLISHED
        rows, content_hash = found.get(partition, (0, EMPTY_HASH))
        verdicts.append(_verdict(asset, partition, opened.run_id, state, checks, rows, content_hash))
    return verdicts


def _lost(session: Session, lease: Lease, asset: str, model: BuiltModel, now: dt.datetime) -> list[LedgerEntry]:
    """Lines that reject the partitions whose rows went, or came, without a run that opened them.

    What another run has open at this moment is pending, and is not looked at.
    """
    if model.partition_column is None:
        return []
    verdicts = {
        partition: entry
        for partition, entry in ledger.newest_of(session, asset).items()
        if entry.published and (asset, partition) not in lease.tokens
    }
    counted = row_counts(session, model.table, model.partition_column, list(verdicts))
    lines = []
    for partition, entry in verdicts.items():
        rows = counted.get(partition, 0)
        if rows != entry.rows:
            message = (
                f"{model.table} holds {rows} rows of it, {entry.rows} were audited, and no run of this partition "
                "changed them: materialize it again"
            )
            failed = CheckResult(KEPT_CHECK, Severity.ERROR, passed=False, value=float(rows), message=message)
            verdict = _verdict(asset, partition, lease.run_id, State.REJECTED, (failed,), rows)
            lines.append(LedgerEntry.of(verdict, rules="", token=entry.token, at=now))
    return lines


def _measured(session: Session, model: BuiltModel, partitions: Sequence[str]) -> dict[str, tuple[int, str]]:
    described = session.columns(model.table)
    if described is None:
        raise StatementFailed(f"{model.table} does not exist after it was built")
    return fingerprints(session, model.table, data_columns(described), model.partition_column, partitions)


def _verdict(
    asset: str,
    partition: str,
    run_id: str,
    state: State,
    checks: tuple[CheckResult, ...] = (),
    rows: int = 0,
    content_hash: str = "",
) -> Verdict:
    failed = next((check for check in checks if check.blocks), None)
    content = Content.EMPTY if content_hash == EMPTY_HASH else Content.DATA
    message = failed.message if failed else ""
    return Verdict(asset, partition, content_hash, state, content, checks, rows, content_hash, run_id, message)
