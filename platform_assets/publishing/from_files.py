"""The front door for data that comes as files: candidates from the lake into a table of the warehouse.

Staging is here; auditing and publishing is in ``write_audit_publish``. Tables that are copied from other tables come
in by ``from_tables``, tables that a tool of its own overwrites by ``in_place``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from platform_assets.contracts.model import BatchRule
from platform_assets.contracts.severity import Severity
from platform_assets.failures import Kind
from platform_assets.publishing.gates import Order, by_key
from platform_assets.publishing.leases import LEASE_SECONDS
from platform_assets.publishing.taking import WAIT_SECONDS
from platform_assets.publishing.verdicts import Candidate, CheckResult, Verdict
from platform_assets.publishing.write_audit_publish import Batch, Staged, candidates_to_write, run_batch
from platform_assets.warehouse.errors import StatementFailed
from platform_assets.warehouse.protocol import ColumnDef, Session, StagedFile, TableName, Warehouse

FILES_CHECK = "lake_files"
"""The name of the check that every candidate has: its files can be read and hold the rows of its manifest."""

NOT_HELD: Mapping[str, CheckResult] = {}


def publish(
    warehouse: Warehouse,
    *,
    asset: str,
    table: TableName,
    columns: Sequence[tuple[str, str, str]],
    candidates: Sequence[Candidate],
    rules: Sequence[BatchRule],
    run_id: str,
    order: Order = by_key,
    lease_seconds: float = LEASE_SECONDS,
    wait_seconds: float = WAIT_SECONDS,
    retypes: bool = False,
    held: Mapping[str, CheckResult] = NOT_HELD,
) -> list[Verdict]:
    """Write, audit, publish: one verdict for each candidate, in their order.

    ``columns`` are (name, type, description) of the contract; ``_partition`` is added. What is earlier and later for
    rules that look at the partitions before, ``order`` says. All that
    pass are published in one transaction with their verdicts. A rejected candidate leaves the version that is
    published where it is. Nothing is written for a version that is published already. With ``retypes`` a table with
    columns of other types is made anew in that transaction, from candidates for all of its partitions. Partitions that
    are ``held`` are rejected by the check that is given, without an audit.

    Raises ``LeaseHeld`` when another run keeps a partition longer than ``wait_seconds``, ``LeaseLost`` when this
    one was replaced, and the errors of the warehouse, ``IncompatibleTable`` among them.
    """
    more: dict[str, Any] = {"lease_seconds": lease_seconds, "wait_seconds": wait_seconds, "order": order}
    batch = _batch(asset, table, columns, candidates, rules, run_id, **more, retypes=retypes, refused=held)
    try:
        return run_batch(warehouse, batch)
    except StatementFailed:
        # counting reads no values, so a damaged page shows only when the rows are written
        refused = _unreadable(warehouse, batch, candidates_to_write(warehouse, batch))
        if not refused:
            raise
    return run_batch(warehouse, replace(batch, refused={**refused, **held}))


def unpublished(
    warehouse: Warehouse,
    *,
    asset: str,
    table: TableName,
    columns: Sequence[tuple[str, str, str]],
    candidates: Sequence[Candidate],
    rules: Sequence[BatchRule],
    run_id: str,
) -> list[str]:
    """The partitions that :func:`publish` would write, in the order of the candidates, whose files are not read."""
    found = candidates_to_write(warehouse, _batch(asset, table, columns, candidates, rules, run_id))
    return [candidate.partition for candidate in found]


def _batch(
    asset: str,
    table: TableName,
    columns: Sequence[tuple[str, str, str]],
    candidates: Sequence[Candidate],
    rules: Sequence[BatchRule],
    run_id: str,
    **more: Any,
) -> Batch:
    defined = tuple(ColumnDef(*column) for column in columns)

    def stage(session: Session, holding: Sequence[Candidate]) -> Staged:
        return _stage_files(session, holding, defined)

    return Batch(asset, table, defined, candidates, run_id, stage, rules, **more)


def _unreadable(warehouse: Warehouse, batch: Batch, candidates: Sequence[Candidate]) -> dict[str, CheckResult]:
    """Those of the candidates of which a value cannot be read."""
    refused: dict[str, CheckResult] = {}
    with warehouse.session(purpose=f"run {batch.run_id} looking for damaged files of {batch.asset}") as session:
        lengths = ", ".join(f"sum(length(CAST({session.quote(c.name)} AS VARCHAR)))" for c in batch.columns)
        for candidate in candidates:
            try:
                relation = session.stage_parquet(_files([candidate]), batch.columns)
                session.execute(f"SELECT {lengths} FROM {relation} AS s")
            except StatementFailed as error:
                refused[candidate.partition] = _refusal(candidate, str(error).splitlines()[0])
    return refused


def _stage_files(session: Session, candidates: Sequence[Candidate], columns: Sequence[ColumnDef]) -> Staged:
    """All candidates as one relation; on an error each by itself, so that only the one at fault is refused."""
    relation = ""
    counts: dict[str, int] = {}
    refused: dict[str, CheckResult] = {}
    try:
        relation, counts = _counted(session, candidates, columns)
    except StatementFailed:
        for candidate in candidates:
            try:
                counts |= _counted(session, [candidate], columns)[1]
            except StatementFailed as error:
                refused[candidate.partition] = _refusal(candidate, str(error).splitlines()[0])
    for candidate in candidates:
        found = counts.get(candidate.partition, 0)
        if candidate.partition not in refused and found != candidate.rows:
            counted = f"the files hold {found} rows, the manifest says {candidate.rows}"
            refused[candidate.partition] = _refusal(candidate, counted)
    good = [candidate for candidate in candidates if candidate.partition not in refused]
    if refused or not relation:
        relation = session.stage_parquet(_files(good), columns)
    return Staged(relation, frozenset(candidate.partition for candidate in good), refused)


def _counted(
    session: Session, candidates: Sequence[Candidate], columns: Sequence[ColumnDef]
) -> tuple[str, dict[str, int]]:
    relation = session.stage_parquet(_files(candidates), columns)
    return relation, session.staged_rows(relation)


def _files(candidates: Sequence[Candidate]) -> list[StagedFile]:
    return [
        StagedFile(path, candidate.partition, key)
        for candidate in candidates
        for path, key in zip(candidate.files, candidate.keys or [""] * len(candidate.files), strict=True)
    ]


def _refusal(candidate: Candidate, reason: str) -> CheckResult:
    places = candidate.origins or candidate.files
    for path, place in zip(candidate.files, places, strict=True):
        reason = reason.replace(path, place)
    folders = sorted({place.rpartition("/")[0] for place in places})
    message = (
        f"{reason}. The Parquet files in {', '.join(folders)} are damaged: remove that folder, then materialize the "
        "partition in the lake again, which writes them anew"
    )
    return CheckResult(FILES_CHECK, Severity.ERROR, passed=False, message=message, kind=Kind.INFRASTRUCTURE)
