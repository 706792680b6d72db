"""Ingestion: a delivery, validated by its contract, becomes Parquet with a manifest, or is rejected. The front door.

What happens to one file is in ``formats``; to its rows, in ``reading``, ``validation`` and ``uniqueness``; to the
result, in ``lake.stage_commit_reject``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from platform_assets.cancellation import Cancelled
from platform_assets.contracts.due import reason_not_due
from platform_assets.contracts.model import Contract
from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind, failure_of
from platform_assets.ingestion.copies import check_still_there
from platform_assets.ingestion.engine import failures_raised, open_engine, register_functions
from platform_assets.ingestion.protection import Pseudonyms, protections_of
from platform_assets.ingestion.reading import Batch, read_delivery
from platform_assets.ingestion.unchanged import Ingested, content_hash, holds_the_same, looks_unchanged, renewed
from platform_assets.lake.deliveries import Delivery
from platform_assets.lake.errors import DeliveryRejected, IngestionError
from platform_assets.lake.locations import open_lake
from platform_assets.lake.manifest import Manifest, Rejection, State
from platform_assets.lake.names import shown
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.lake.store import Lake, LakePartition, Stage
from platform_assets.logs import log_context, logger
from platform_assets.sql.digest import contract_digest
from platform_assets.sql.literals import literal
from platform_assets.sql.types import raw_columns
from platform_assets.wording import counted

log = logger(__name__)


def ingest(
    *, contract: Contract, delivery: Delivery, lake: Path | Lake, pseudonym_key: bytes | None,
    memory_limit: str = "1GB", threads: int = 2, force: bool = False,
) -> Manifest:  # fmt: skip
    """Ingest one delivery; see :meth:`Ingestor.ingest`."""
    with Ingestor(lake=lake, pseudonym_key=pseudonym_key, memory_limit=memory_limit, threads=threads) as ingestor:
        return ingestor.ingest(contract=contract, delivery=delivery, force=force)


class Ingestor:
    """Ingests deliveries one after the other with one engine, which saves 10 ms each. One per thread."""

    def __init__(
        self, *, lake: Path | Lake, pseudonym_key: bytes | None, memory_limit: str = "1GB", threads: int = 2
    ) -> None:
        self.lake = open_lake(lake) if isinstance(lake, Path) else lake
        self.pseudonyms = Pseudonyms(pseudonym_key) if pseudonym_key is not None else None
        self._memory_limit, self._threads = memory_limit, threads
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._cancelled = False
        self._ending = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_engine()

    def _close_engine(self) -> None:
        with self._ending:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def ingest(self, *, contract: Contract, delivery: Delivery, force: bool = False) -> Manifest:
        """The manifest of the delivery, committed.

        A delivery whose version was ingested under the same contract and key is not read again, unless ``force``. One
        of which a file only looks changed costs a hash of its bytes, and keeps its ingestion.
        Raises :class:`DeliveryRejected` when it cannot be used (the last good version stays, the rejection is
        recorded) and :class:`IngestionError` when it could not be validated (nothing is changed).
        """
        return self.take(contract=contract, delivery=delivery, force=force).manifest

    def take(self, *, contract: Contract, delivery: Delivery, force: bool = False) -> Ingested:
        """:meth:`ingest`, with whether anything was done; a line of the log says what came of it."""
        with log_context(feed=delivery.feed, partition=delivery.partition):
            started = time.monotonic()
            try:
                found = self._take(contract, delivery, force=force)
            except Exception as error:
                failure = failure_of(error)
                log.debug("not ingested: %s %s, %.3f s", failure.kind, failure.code, time.monotonic() - started)
                raise
            made, files = found.manifest, len(delivery.files)
            log.debug(
                "%s: %d rows in, %d out, %d quarantined, %d files, %.3f s",
                "unchanged" if found.unchanged else "ingested" if made.state == "data" else made.state,
                made.rows_in, made.rows_out, made.rows_quarantined, files, time.monotonic() - started,
            )  # fmt: skip
            return found

    def _take(self, contract: Contract, delivery: Delivery, *, force: bool) -> Ingested:
        feed, partition = delivery.feed, delivery.partition
        with self._cancellable(), failures_raised(feed, partition), self.lake.opened(feed, partition) as held:
            made = self._made_before(held, contract, delivery)
            if made is not None and not force:
                return Ingested(made, unchanged=True)
            return Ingested(self._ingest(held, contract, delivery))

    def cancel(self) -> None:
        """End the ingestion under way, and all later ones, in ``Cancelled``; for another thread, again and again.

        Nothing is recorded of it: neither a manifest nor a rejection.
        """
        self._cancelled = True
        with self._ending:  # a database that is being closed must not be touched any more
            if self._engine is not None:
                self._engine.interrupt()

    @contextlib.contextmanager
    def _cancellable(self) -> Iterator[None]:
        self._go_on()
        try:
            yield
        except Exception as error:
            # whatever became of it: an interrupted statement looks like a failure, and is none
            if self._cancelled:
                raise Cancelled from error
            raise

    def _go_on(self) -> None:
        if self._cancelled:
            raise Cancelled

    def _made_before(self, held: LakePartition, contract: Contract, delivery: Delivery) -> Manifest | None:
        manifest = held.manifest
        if manifest is None or held.rejection is not None or not held.is_readable:
            return None
        same = (
            manifest.contract_digest == contract_digest(contract)
            and manifest.key_fingerprint == self._key(contract)
            and (manifest.state != "not_due" or reason_not_due(contract, delivery.key) is not None)
            and held.has_data(manifest)
        )
        if not same or looks_unchanged(manifest, delivery):
            return manifest if same else None
        if not holds_the_same(manifest, delivery):
            return None
        manifest = renewed(manifest, delivery)
        held.renew(manifest)
        return manifest

    def _ingest(self, held: LakePartition, contract: Contract, delivery: Delivery) -> Manifest:
        started = time.monotonic()
        with held.stage() as stage:
            try:
                batch = self._read(contract, delivery, stage)
                failpoint("lake.ingest.read")
                manifest = self._described(held, contract, delivery, stage, batch)
                self._go_on()
                manifest = dataclasses.replace(manifest, seconds=round(time.monotonic() - started, 4))
                held.commit(manifest)
            except BaseException as error:
                if isinstance(error, DeliveryRejected) and not self._cancelled:
                    held.reject(self._rejection(held, contract, delivery, stage, error))
                    raise error.of(delivery.feed, delivery.partition) from None
                # a database that failed may be unusable from then on; the next delivery gets a new one
                self._close_engine()
                raise
        return manifest

    def _read(self, contract: Contract, delivery: Delivery, stage: Stage) -> Batch:
        quarantine = stage.quarantine
        if not delivery.files:
            reason = reason_not_due(contract, delivery.key)
            if reason is None:
                why = delivery.absence or "no file was delivered"
                raise DeliveryRejected("missing", f"{why}, and the contract has no rule by which none is due")
            return Batch.nothing("not_due", reason)
        if self._engine is None:
            self._engine = open_engine(self._memory_limit, self._threads)
        self._engine.execute(f"SET temp_directory = {literal(str(stage.work))}")
        register_functions(self._engine, contract, self.pseudonyms)
        self._go_on()
        batch = read_delivery(self._engine, contract, delivery, stage.work, self.pseudonyms, quarantine)
        failpoint("lake.read.before_check")
        check_still_there(delivery.files)
        quarantine.close()
        if batch.rows_in == 0:
            if not contract.empty_allowed:
                raise DeliveryRejected(
                    "empty", "there are no rows in it, and the contract does not allow that (emptyDelivery: allowed)"
                )
            return dataclasses.replace(batch, state="empty", reason="the delivery holds no rows")
        if batch.rows_in != batch.rows_out + quarantine.rows:
            raise IngestionError(
                f"rows in {batch.rows_in}, out {batch.rows_out}, quarantined {quarantine.rows}: they do not meet",
                code="counts",
                kind=Kind.BUG,
            )
        share = quarantine.rows / batch.rows_in
        few = quarantine.rows <= contract.quarantine_minimum and batch.rows_out > 0
        if share > contract.quarantine_limit and not few:
            raise DeliveryRejected("quarantine_limit", self._over_limit(contract, delivery, batch.rows_in, quarantine))
        return batch

    def _over_limit(self, contract: Contract, delivery: Delivery, rows_in: int, quarantine: QuarantineWriter) -> str:
        """How many rows were quarantined and why, which are the first of them, and how all can be seen."""
        least = f" and than {counted(contract.quarantine_minimum, 'row')}" if contract.quarantine_minimum else ""
        common = ", ".join(f"{code} {count}" for code, count in quarantine.rules.most_common(5))
        first = ", ".join(f"{shown(file)}:{line}" for file, line in quarantine.first)
        more = ", ..." if quarantine.rows > len(quarantine.first) else ""
        own = self.lake.quarantines.own
        place = f" --quarantine {shlex.quote(str(own))}" if own is not None else ""
        command = f"platform-assets quarantine show {shlex.quote(shown(delivery.feed))}"
        return (
            f"{quarantine.rows} of {rows_in} rows ({quarantine.rows / rows_in:.2%}) were quarantined, more than the "
            f"contract's {contract.quarantine_limit:.2%}{least}. Rows by rule: {common}. The first are {first}{more}. "
            f"They can be read with: {command} {shlex.quote(shown(delivery.partition))} "
            f"--lake {shlex.quote(str(self.lake))}{place}"
        )

    def _described(
        self, held: LakePartition, contract: Contract, delivery: Delivery, stage: Stage, batch: Batch
    ) -> Manifest:
        """The manifest of what was read, whose Parquet lies where it stays."""
        size = sum(file.stat().st_size for file in batch.files)
        files, quarantine = held.keep(stage, batch.files), stage.quarantine
        state: State = batch.state
        return Manifest(
            feed=delivery.feed,
            partition=delivery.partition,
            state=state,
            contract_version=contract.version,
            contract_digest=contract_digest(contract),
            key_fingerprint=self._key(contract),
            delivery_version=delivery.version,
            delivery_files=delivery.files,
            data_files=files,
            content_hash=content_hash(contract_digest(contract), self._key(contract), batch.content),
            rows_in=batch.rows_in,
            rows_out=batch.rows_out,
            rows_quarantined=quarantine.rows,
            reasons=dict(sorted(quarantine.reasons.items())),
            rules=dict(sorted(quarantine.rules.items())),
            reason=batch.reason,
            warnings=batch.warnings,
            columns=tuple((name, kind) for name, kind, _ in raw_columns(contract)),
            quarantine_file=held.quarantine_name(stage),
            bytes=size,
            ingestion=stage.ingestion,
            protections=protections_of(contract),
        )

    def _rejection(
        self, held: LakePartition, contract: Contract, delivery: Delivery, stage: Stage, rejected: DeliveryRejected
    ) -> Rejection:
        quarantine = stage.quarantine
        quarantine.close()
        return Rejection(
            feed=delivery.feed,
            partition=delivery.partition,
            delivery_version=delivery.version,
            code=rejected.code,
            message=rejected.message,
            rows_in=quarantine.rows_in,
            rows_quarantined=quarantine.rows,
            reasons=dict(quarantine.reasons),
            rules=dict(quarantine.rules),
            quarantine_file=held.quarantine_name(stage),
            contract_digest=contract_digest(contract),
            changed_ns=delivery.changed_ns,
        )

    def _key(self, contract: Contract) -> str:
        """The key's fingerprint, for contracts whose rows depend on it."""
        return self.pseudonyms.fingerprint if contract.hashes_values and self.pseudonyms is not None else ""
