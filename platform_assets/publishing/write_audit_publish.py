"""One batch through write, audit, publish: what ``from_files`` and ``from_tables`` have in common.

The steps between durable states, each with a failpoint: leases taken; candidates staged; audited; then, in one
transaction, tokens checked, old rows deleted, new rows inserted, verdicts written, leases given back. Where a
candidate's rows come from is a function that the caller hands in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from platform_assets.contracts.model import BatchRule
from platform_assets.failpoints import failpoint
from platform_assets.logs import log_context, logger
from platform_assets.publishing import ledger
from platform_assets.publishing.errors import PublishingError
from platform_assets.publishing.fingerprints import row_counts
from platform_assets.publishing.gates import Order, audit, by_key
from platform_assets.publishing.leases import LEASE_SECONDS, Lease, acquire, release, renew
from platform_assets.publishing.metrics import Measured, measure
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.replacing import Rows, fill_beside, replace_rows
from platform_assets.publishing.retyping import fitting_table, refuse_losses
from platform_assets.publishing.taking import WAIT_SECONDS, lease_owner, take
from platform_assets.publishing.verdicts import Candidate, CheckResult, Content, LedgerEntry, State, Verdict
from platform_assets.sql.digest import rules_digest
from platform_assets.warehouse.errors import WarehouseExhausted
from platform_assets.warehouse.protocol import PARTITION, ColumnDef, Session, TableName, Warehouse
from platform_assets.warehouse.work import working_on

log = logger(__name__)


@dataclass(frozen=True)
class Staged:
    """Candidates as a relation (with ``_partition``), and those that could not be staged or are refused."""

    relation: str
    partitions: frozenset[str]
    refused: Mapping[str, CheckResult] = field(default_factory=dict)


Stage = Callable[[Session, Sequence[Candidate]], Staged]


@dataclass(frozen=True)
class Batch:
    """Candidates for one table, and how they are to be audited."""

    asset: str
    table: TableName
    columns: Sequence[ColumnDef]
    candidates: Sequence[Candidate]
    run_id: str
    stage: Stage
    rules: Sequence[BatchRule] = ()
    refused: Mapping[str, CheckResult] = field(default_factory=dict)
    lease_seconds: float = LEASE_SECONDS
    wait_seconds: float = WAIT_SECONDS
    order: Order = by_key
    retypes: bool = False
    """Whether a table whose types the columns do not fit is made anew, from candidates for all of its partitions."""

    @property
    def digest(self) -> str:
        """16 hex digits that change with the rules, the columns' types and the table."""
        shape = [(column.name, column.type) for column in self.columns]
        return rules_digest(self.rules, shape, (self.table.schema, self.table.name))


def run_batch(warehouse: Warehouse, batch: Batch) -> list[Verdict]:
    """Publish what passes; one verdict for each candidate, in their order.

    Raises ``LeaseHeld``, ``LeaseLost``, or a ``WarehouseError``; then nothing of the batch was published, or,
    when the commit itself was what failed, a repeated call finds it published and leaves it.
    """
    partition, times = max(Counter(c.partition for c in batch.candidates).items(), key=lambda i: i[1], default=("", 0))
    if times > 1:
        raise PublishingError(f"{batch.asset}: {times} candidates for partition {partition}, where one is expected")
    partitions = [candidate.partition for candidate in batch.candidates]
    with (
        working_on(batch.asset, partitions, batch.run_id),
        lease_owner(warehouse, lease_seconds=batch.lease_seconds) as owner,
    ):
        unchanged, lease = _take(warehouse, batch, owner)
        written: dict[str, Verdict] = {}
        if lease is not None:
            failpoint("publish.leased")
            try:
                written = _write(warehouse, batch, lease, unchanged)
            except WarehouseExhausted as full:
                if not full.again:
                    raise
                written = _write(warehouse, batch, lease, unchanged)
            failpoint("publish.closed")
    verdicts = [written.get(c.partition) or unchanged[c.partition] for c in batch.candidates]
    for verdict in verdicts:
        _log(verdict)
    return verdicts


def _log(verdict: Verdict) -> None:
    state = "unchanged" if verdict.unchanged else verdict.state.value
    check = f", check {verdict.check}" if verdict.check else ""
    with log_context(partition=verdict.partition):
        log.debug("%s: %s, %d rows%s", verdict.asset, state, verdict.rows, check)


def candidates_to_write(warehouse: Warehouse, batch: Batch) -> list[Candidate]:
    """The candidates whose very version is not published already."""
    keys = [(batch.asset, candidate.partition) for candidate in batch.candidates]
    purpose = f"run {batch.run_id} preparing {batch.asset}"
    with ledger_session(warehouse, read_only=True, purpose=purpose) as session:
        unchanged, _ = _unchanged(session, batch, keys)
    return [candidate for candidate in batch.candidates if candidate.partition not in unchanged]


def _take(warehouse: Warehouse, batch: Batch, owner: str) -> tuple[dict[str, Verdict], Lease | None]:
    """Find what is published already, and take the lease on what has to be written.

    After each wait for another writer, what is published is looked at anew.
    """
    keys = [(batch.asset, candidate.partition) for candidate in batch.candidates]

    def attempt(session: Session) -> tuple[dict[str, Verdict], Lease | None]:
        unchanged, up_to_date = _unchanged(session, batch, keys)
        wanted = [key for key in keys if key[1] not in up_to_date]
        if not wanted:
            return unchanged, None
        with session.transaction():
            lease = acquire(session, wanted, owner=owner, run_id=batch.run_id, seconds=batch.lease_seconds)
        if session.capabilities.concurrent_writers:
            # between the look and the lease somebody else may have published
            leased = {partition for _, partition in wanted}
            newer, _ = _unchanged(session, batch, keys)
            unchanged = {
                **{partition: verdict for partition, verdict in unchanged.items() if partition not in leased},
                **{partition: verdict for partition, verdict in newer.items() if partition in leased},
            }
        return unchanged, lease

    return take(
        warehouse,
        attempt,
        run_id=batch.run_id,
        wait_seconds=batch.wait_seconds,
        purpose=f"run {batch.run_id} preparing {batch.asset}",
    )


def _unchanged(session: Session, batch: Batch, keys: Sequence[ledger.Key]) -> tuple[dict[str, Verdict], set[str]]:
    """Verdicts of candidates whose very version is published, and those among them that need no new line.

    A version that is published under the same rules is not audited again. Only when a later candidate was
    rejected in between does it get a new line, so that the newest verdict is the true one. A version whose rows are
    no longer in the table is published anew.
    """
    published = ledger.latest(session, keys, state=State.PUBLISHED)
    vanished = _vanished(session, batch, {partition: entry for (_, partition), entry in published.items()})
    digest = batch.digest
    unchanged = {}
    for candidate in batch.candidates:
        entry = published.get((batch.asset, candidate.partition))
        same = entry is not None and (entry.version, entry.rules) == (candidate.version, digest)
        if entry is not None and same and candidate.partition not in {*batch.refused, *vanished}:
            message = f"version {entry.version} was published by run {entry.run_id}"
            unchanged[candidate.partition] = entry.as_unchanged(entry.message or message)
    newest = ledger.latest(session, [(batch.asset, partition) for partition in unchanged]) if unchanged else {}
    return unchanged, {partition for (_, partition), entry in newest.items() if entry.state is State.PUBLISHED}


def _vanished(session: Session, batch: Batch, published: Mapping[str, LedgerEntry]) -> set[str]:
    """Published partitions that hold another number of rows in the table than the ledger says."""
    known = list(published) if session.columns(batch.table) is not None else []
    counted = row_counts(session, batch.table, PARTITION, known)
    return {partition for partition, entry in published.items() if counted.get(partition, 0) != entry.rows}


def _write(warehouse: Warehouse, batch: Batch, lease: Lease, unchanged: Mapping[str, Verdict]) -> dict[str, Verdict]:
    mine = [c for c in batch.candidates if (batch.asset, c.partition) in lease.tokens]
    fresh = [c for c in mine if c.partition not in unchanged]
    with ledger_session(warehouse, purpose=f"run {batch.run_id} publishing {batch.asset}") as session:
        columns = (*batch.columns, ColumnDef(PARTITION, "VARCHAR", "Partition"))
        target = fitting_table(session, batch.table, columns, retypes=batch.retypes)
        session.ensure_index(target, [PARTITION], loaded_together=True)
        staged, results = _audited(session, batch, fresh)
        failpoint("publish.audited")
        verdicts = {c.partition: _verdict(batch, c, results.get(c.partition, ())) for c in fresh}
        verdicts |= {c.partition: unchanged[c.partition] for c in mine if c.partition in unchanged}
        good = [c for c in fresh if verdicts[c.partition].published]
        rows = Rows(batch.asset, batch.table, target, batch.columns, good, staged.relation, staged.partitions)
        beside = target != batch.table and not session.capabilities.transactional_ddl
        if beside:
            fill_beside(session, rows, lease)
        with session.transaction():
            renew(session, lease)
            failpoint("publish.fenced")
            if target != batch.table:
                # what another run publishes between the look and the swap would be lost with the old table
                session.lock_table(ledger.LEASES if beside else batch.table)
                refuse_losses(session, batch.table, {candidate.partition for candidate in good})
            if not beside:
                replace_rows(session, rows)
            _record(session, batch, lease, verdicts)
            release(session, lease.owner)
            if target != batch.table:
                session.replace_table(batch.table, target)
                failpoint("publish.made_anew")
            failpoint("publish.before_commit")
        failpoint("publish.committed")
    return verdicts


def _audited(
    session: Session, batch: Batch, fresh: Sequence[Candidate]
) -> tuple[Staged, dict[str, tuple[CheckResult, ...]]]:
    staged = batch.stage(session, [c for c in fresh if c.partition not in batch.refused])
    failpoint("publish.staged")
    references = {
        rule.reference.asset: table
        for rule in batch.rules
        if rule.reference is not None and (table := ledger.table_of(session, rule.reference.asset)) is not None
    }
    lost = {**batch.refused, **staged.refused}
    target = ledger.name(session, batch.table)

    def of_candidates(rules: Sequence[BatchRule], partitions: Sequence[str]) -> list[Measured]:
        return measure(session, staged.relation, rules, partitions, references, exact=True)

    def of_published(rules: Sequence[BatchRule], partitions: Sequence[str]) -> list[Measured]:
        return measure(session, target, rules, partitions, references)

    relative = any(rule.history for rule in batch.rules)
    emptied = {c.partition for c in fresh if c.state != Content.DATA}
    results = audit(
        batch.rules,
        [c.partition for c in fresh if c.partition in lost or c.state == Content.DATA],
        refused=lost,
        published=[p for p in ledger.published_with_rows(session, batch.asset) if p not in emptied] if relative else (),
        measure_candidates=of_candidates,
        measure_published=of_published,
        order=batch.order,
    )
    return staged, results


def _verdict(batch: Batch, candidate: Candidate, checks: tuple[CheckResult, ...]) -> Verdict:
    failed = next((check for check in checks if check.blocks), None)
    return Verdict(
        asset=batch.asset,
        partition=candidate.partition,
        version=candidate.version,
        state=State.REJECTED if failed else State.PUBLISHED,
        content=Content(candidate.state),
        checks=checks,
        rows=candidate.rows if candidate.state == Content.DATA else 0,
        hash=candidate.content_hash or candidate.version,
        run_id=batch.run_id,
        message=failed.message if failed else candidate.reason,
    )


def _record(session: Session, batch: Batch, lease: Lease, verdicts: Mapping[str, Verdict]) -> None:
    now, digest, tokens = session.now(), batch.digest, lease.tokens
    entries = [LedgerEntry.of(v, rules=digest, token=tokens[(v.asset, v.partition)], at=now) for v in verdicts.values()]
    ledger.append(session, entries)
    ledger.register_table(session, batch.asset, batch.table)
    failpoint("publish.recorded")
