"""What a reader asks the ledger before it reads: fail closed on every partition that must not be read.

Two kinds of tables differ. In a table that is published version by version (raw, published), the last good
version stays readable after a rejected candidate, except to the run that offered that candidate. In a table that
is overwritten in place (dbt models), only the newest verdict counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from platform_assets.failures import Kind
from platform_assets.publishing import ledger
from platform_assets.publishing.errors import NotPublished
from platform_assets.publishing.fingerprints import changed_since
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.verdicts import LedgerEntry, Refusal, State
from platform_assets.warehouse.protocol import PARTITION, Session, TableName, Warehouse

CHANGED_CHECK = "rows_unchanged"
"""The check that the rows of a partition are those that its verdict saw."""

_LOOKS = 5
"""How often a verdict and its rows are looked at, where others publish meanwhile."""


def unreadable(
    warehouse: Warehouse,
    *,
    asset: str,
    partitions: Sequence[str],
    run_id: str | None = None,
    allow_previous: bool = True,
    wait_seconds: float | None = None,
) -> dict[str, Refusal]:
    """:func:`unreadable_in`, in a session of its own.

    ``wait_seconds`` bounds the wait for the warehouse; ``WarehouseBusy`` ends it.
    """
    purpose = f"asking for verdicts of {asset}"
    with ledger_session(warehouse, read_only=True, purpose=purpose, wait_seconds=wait_seconds) as session:
        return unreadable_in(session, asset=asset, partitions=partitions, run_id=run_id, allow_previous=allow_previous)


def unreadable_in(
    session: Session,
    *,
    asset: str,
    partitions: Sequence[str],
    run_id: str | None = None,
    allow_previous: bool = True,
    table: TableName | None = None,
    partition_column: str | None = PARTITION,
) -> dict[str, Refusal]:
    """Those of ``partitions`` that must not be read, each with the reason; empty when all may be.

    ``session`` is one on the ledger. ``allow_previous`` is for tables that keep the last good version; ``run_id`` is
    the reader's own run. A reader that is about to read the rows names their ``table``, and its ``partition_column`` if
    it has partitions: then the rows must be those that the verdict saw.
    """
    with session.snapshot():  # a verdict, and rows of a later one, would look like a change
        refused = _unreadable(session, asset, partitions, run_id, allow_previous, table, partition_column)
        if session.capabilities.snapshots or table is None:
            return refused
        # without one moment for both, they are looked at again until two looks agree
        for _ in range(_LOOKS):
            before, refused = (
                refused,
                _unreadable(session, asset, partitions, run_id, allow_previous, table, partition_column),
            )
            if not _are_of_changes(before) or refused == before:
                break
        return refused


def _are_of_changes(refused: Mapping[str, Refusal]) -> bool:
    return any(refusal.check == CHANGED_CHECK for refusal in refused.values())


def _unreadable(
    session: Session,
    asset: str,
    partitions: Sequence[str],
    run_id: str | None,
    allow_previous: bool,
    table: TableName | None,
    partition_column: str | None,
) -> dict[str, Refusal]:
    keys = [(asset, partition) for partition in dict.fromkeys(partitions)]
    newest = ledger.latest(session, keys)
    published = ledger.latest(session, keys, state=State.PUBLISHED)
    refused = {}
    for key in keys:
        refusal = _refusal(key, newest.get(key), published.get(key), run_id, allow_previous)
        if refusal is not None:
            refused[key[1]] = refusal
    if table is not None:
        readable = {key[1]: published[key] for key in keys if key[1] not in refused}
        refused |= _changed(session, table, partition_column, readable)
    return refused


def _changed(
    session: Session, table: TableName, partition_column: str | None, readable: Mapping[str, LedgerEntry]
) -> dict[str, Refusal]:
    return {
        partition: Refusal(
            readable[partition].asset,
            partition,
            CHANGED_CHECK,
            readable[partition].run_id,
            f"{difference}: something else than its own runs has changed it since (or the warehouse was upgraded); "
            "materialize it again",
        )
        for partition, difference in changed_since(session, table, partition_column, readable).items()
    }


def require_published(
    warehouse: Warehouse,
    *,
    asset: str,
    partitions: Sequence[str],
    run_id: str | None = None,
    allow_previous: bool = True,
) -> None:
    """Raise ``NotPublished`` unless every one of ``partitions`` may be read; see :func:`unreadable`."""
    refused = unreadable(warehouse, asset=asset, partitions=partitions, run_id=run_id, allow_previous=allow_previous)
    if refused:
        raise NotPublished(list(refused.values()))


def published_versions(warehouse: Warehouse, *, asset: str, partitions: Sequence[str]) -> dict[str, LedgerEntry]:
    """The published version of each partition that has one."""
    keys = [(asset, partition) for partition in dict.fromkeys(partitions)]
    with ledger_session(warehouse, read_only=True, purpose=f"reading the ledger of {asset}") as session:
        found = ledger.latest(session, keys, state=State.PUBLISHED)
    return {partition: entry for (_, partition), entry in found.items()}


def ledger_history(
    warehouse: Warehouse, *, asset: str, partition: str | None = None, limit: int = 100
) -> list[LedgerEntry]:
    """Lines of the ledger for one asset, newest first."""
    with ledger_session(warehouse, read_only=True, purpose="showing the ledger") as session:
        return ledger.history(session, asset, partition, limit)


def shown_history(
    warehouse: Warehouse, *, asset: str, partition: str | None = None, limit: int = 100
) -> tuple[list[LedgerEntry], dict[str, LedgerEntry]]:
    """:func:`ledger_history`, and the published version of each of its partitions, read in one session."""
    with ledger_session(warehouse, read_only=True, purpose="showing the ledger") as session:
        lines = ledger.history(session, asset, partition, limit)
        keys = [(asset, key) for key in dict.fromkeys(line.partition for line in lines)]
        found = ledger.latest(session, keys, state=State.PUBLISHED) if keys else {}
    return lines, {key[1]: entry for key, entry in found.items()}


def published_partitions(warehouse: Warehouse, assets: Sequence[str]) -> dict[str, list[str]]:
    """The partitions of each asset that have a published version, in order; none where there is no ledger yet."""
    with ledger_session(warehouse, read_only=True, purpose="listing published partitions") as session:
        if session.columns(ledger.LEDGER) is None:
            return {asset: [] for asset in assets}
        found: dict[str, list[str]] = {}
        for asset in assets:
            keys = [(asset, partition) for partition in ledger.newest_of(session, asset)]
            found[asset] = sorted(partition for _, partition in ledger.latest(session, keys, state=State.PUBLISHED))
    return found


def known_partitions(session: Session, asset: str) -> list[str]:
    """The partitions of an asset that ever had a candidate, in order. ``session`` is one on the ledger."""
    return [] if session.columns(ledger.LEDGER) is None else sorted(ledger.newest_of(session, asset))


def known_assets(warehouse: Warehouse) -> list[str]:
    """Every asset that ever had a candidate."""
    with ledger_session(warehouse, read_only=True, purpose="listing the ledger") as session:
        return ledger.assets(session)


def _refusal(
    key: ledger.Key, newest: LedgerEntry | None, published: LedgerEntry | None, run_id: str | None, allow_previous: bool
) -> Refusal | None:
    asset, partition = key
    if newest is None:
        message = "it was never published, and no candidate for it was ever audited"
        return Refusal(asset, partition, "", "", message, Kind.NOT_DELIVERED)
    if newest.state is State.PUBLISHED:
        return None
    if allow_previous and published is not None and newest.run_id != run_id:
        return None
    if newest.state is State.PENDING:
        message = "it was being written and has no verdict yet; if that run is over, it died: materialize it again"
        return Refusal(asset, partition, "", newest.run_id, message, Kind.INFRASTRUCTURE)
    failure = newest.failure
    kind = failure.kind if failure is not None else Kind.REJECTED
    return Refusal(asset, partition, newest.check, newest.run_id, newest.message, kind)
