"""Publishing partitions of a table that somebody else wrote: a mart, copied into the schema that people read.

What is copied must be what was tested. The verdict on a table that a tool overwrites in place carries a hash of
its rows; the copy is refused when the rows have changed since. A table that is itself published changes only
together with its verdict: there the hash is that of what was loaded, and the rows are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from platform_assets.contracts.severity import Severity
from platform_assets.publishing import ledger
from platform_assets.publishing.errors import PublishingError
from platform_assets.publishing.fingerprints import changed_since, data_columns, partition_text
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.readers import unreadable_in
from platform_assets.publishing.verdicts import Candidate, CheckResult, Content, LedgerEntry, State, Verdict
from platform_assets.publishing.write_audit_publish import Batch, Staged, run_batch
from platform_assets.warehouse.protocol import PARTITION, PARTITION_NAME, ColumnDef, Session, TableName, Warehouse

SOURCE_CHECK = "source_published"
"""The check that the source's partition has a verdict that lets it be read."""

HASH_CHECK = "source_unchanged"
"""The check that the source's rows are those its tests saw."""


def publish_from_table(
    warehouse: Warehouse,
    *,
    asset: str,
    table: TableName,
    source: TableName,
    source_asset: str,
    partition_column: str | None,
    partitions: Sequence[str],
    run_id: str,
) -> list[Verdict]:
    """Copy ``partitions`` of ``source`` into ``table``; one verdict for each, in their order.

    ``partition_column`` of the source holds the partition key, as text or as a value whose text it is; None for a
    table without partitions, published whole under its one key. Columns and descriptions are the source's. The
    version of a published partition is the hash in the verdict on its source, so a partition whose source has
    not changed is left as it is. Raises what ``from_files.publish`` raises.
    """
    keys = [(source_asset, partition) for partition in partitions]
    with ledger_session(warehouse, read_only=True, purpose=f"reading what {asset} copies") as session:
        refusals = unreadable_in(session, asset=source_asset, partitions=partitions, allow_previous=False)
        described = session.describe(source)
        verdicts = ledger.latest(session, keys, state=State.PUBLISHED)
    if described is None:
        raise PublishingError(f"{asset}: its source {source} does not exist; materialize {source_asset} first")
    refused = {
        partition: CheckResult(SOURCE_CHECK, Severity.ERROR, passed=False, message=str(refusal))
        for partition, refusal in refusals.items()
    }
    columns = data_columns(described)
    candidates = [_candidate(partition, verdicts.get((source_asset, partition))) for partition in partitions]

    def stage(session: Session, holding: Sequence[Candidate]) -> Staged:
        # while this call waited for its lease, the source may have got another verdict
        newest = ledger.latest(session, [(source_asset, candidate.partition) for candidate in holding])
        audited = {partition: entry for (_, partition), entry in newest.items()}
        stale = {c.partition: _audited_again(source_asset) for c in holding if not _stands(audited.get(c.partition), c)}
        same = [candidate for candidate in holding if candidate.partition not in stale]
        staged = _stage_table(session, source, columns, partition_column, same, audited)
        return Staged(staged.relation, staged.partitions, {**staged.refused, **stale})

    return run_batch(warehouse, Batch(asset, table, columns, candidates, run_id, stage, refused=refused))


def _stands(newest: LedgerEntry | None, candidate: Candidate) -> bool:
    return newest is not None and newest.published and newest.hash == candidate.version


def _audited_again(source_asset: str) -> CheckResult:
    message = f"{source_asset} was written again while this waited for its turn; materialize this partition again"
    return CheckResult(SOURCE_CHECK, Severity.ERROR, passed=False, message=message)


def _candidate(partition: str, verdict: LedgerEntry | None) -> Candidate:
    if verdict is None:
        return Candidate(partition, version="")
    if verdict.rows == 0:
        reason = verdict.message or "the source has no rows"
        return Candidate(partition, verdict.hash, state=Content.EMPTY, reason=reason)
    return Candidate(partition, verdict.hash, rows=verdict.rows)


def _stage_table(
    session: Session,
    source: TableName,
    columns: Sequence[ColumnDef],
    partition_column: str | None,
    candidates: Sequence[Candidate],
    audited: Mapping[str, LedgerEntry],
) -> Staged:
    partitions = sorted(candidate.partition for candidate in candidates)
    marked = session.stage_rows([ColumnDef(PARTITION, "VARCHAR")], [(partition,) for partition in partitions])
    selected = ", ".join(f"r.{session.quote(column.name)}" for column in columns)
    condition = "true"
    if partition_column is not None:
        condition = f"{partition_text(session, 'r', partition_column)} = m.{PARTITION_NAME}"
    # what is compared are the rows that are copied, whatever becomes of the source meanwhile
    rows = f"{ledger.name(session, source)} AS r JOIN {marked} AS m ON {condition}"
    relation = session.stage_query(f"SELECT {selected}, m.{PARTITION_NAME} FROM {rows}")
    verdicts = {partition: audited[partition] for partition in partitions}
    changed = changed_since(session, source, PARTITION, verdicts, relation)
    refused = {
        candidate.partition: CheckResult(
            HASH_CHECK,
            Severity.ERROR,
            passed=False,
            bounds=f"[{candidate.rows}, {candidate.rows}]",
            message=f"{source} has changed since its tests ran ({changed[candidate.partition]}); "
            f"materialize it again, so that it is tested as it is now",
        )
        for candidate in candidates
        if candidate.partition in changed
    }
    return Staged(relation, frozenset(partitions), refused)
