"""Ingestion: a delivery, judged by its contract, becomes Parquet with a manifest, or is rejected. The front door.

What happens to one file is in ``formats``; to its rows, in ``reading``, ``validation`` and ``uniqueness``; to the
result, in ``lake.commit``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from platform_assets.contracts.digest import contract_digest
from platform_assets.contracts.due import reason_not_due
from platform_assets.contracts.model import Contract
from platform_assets.contracts.types import raw_columns
from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind, failure_of
from platform_assets.formats.plain_files import check_version
from platform_assets.ingestion.engine import open_engine, register_functions, translated
from platform_assets.ingestion.protection import Pseudonyms
from platform_assets.ingestion.reading import Batch, read_delivery
from platform_assets.ingestion.unchanged import Ingested, content_hash, holds_the_same, looks_unchanged, renewed
from platform_assets.interrupts import Cancelled
from platform_assets.lake.commit import clean_up, commit, manifest_if_readable, now, record_rejection, renew
from platform_assets.lake.deliveries import Delivery
from platform_assets.lake.layout import make_partition_folder, partition_lock, quarantine_folder, work_folder
from platform_assets.lake.manifest import Manifest, Rejection, State, read_manifest, read_rejection
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.lake.rejection import DeliveryRejected, IngestionError, RecordUnreadable
from platform_assets.logs import log_context, logger

log = logger(__name__)


def ingest(
    *, contract: Contract, delivery: Delivery, lake: Path, pseudonym_key: bytes | None,
    memory_limit: str = "1GB", threads: int = 2, force: bool = False,
) -> Manifest:  # fmt: skip
    """Ingest one delivery; see :meth:`Ingestor.ingest`."""
    with Ingestor(lake=lake, pseudonym_key=pseudonym_key, memory_limit=memory_limit, threads=threads) as ingestor:
        return ingestor.ingest(contract=contract, delivery=delivery, force=force)


class Ingestor:
    """Ingests deliveries one after the other with one engine, which saves 10 ms each. One per thread."""

    def __init__(self, *, lake: Path, pseudonym_key: bytes | None, memory_limit: str = "1GB", threads: int = 2) -> None:
        self.lake = lake
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
        recorded) and :class:`IngestionError` when it could not be judged (nothing is changed).
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
        with self._cancellable(), translated(feed, partition):
            folder = make_partition_folder(self.lake, feed, partition)
            with partition_lock(folder):
                made = self._made_before(contract, delivery)
                if made is not None and not force:
                    return Ingested(made, unchanged=True)
                return Ingested(self._ingest(contract, delivery, folder))

    def cancel(self) -> None:
        """End the ingestion under way, and all later ones, in ``Cancelled``; for another thread, again and again.

        Nothing is recorded of it: neither a manifest nor a rejection.
        """
        self._cancelled = True
        with self._ending:  # an engine that is being closed must not be touched any more
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

    def _made_before(self, contract: Contract, delivery: Delivery) -> Manifest | None:
        try:
            manifest = read_manifest(self.lake, delivery.feed, delivery.partition)
            rejection = read_rejection(self.lake, delivery.feed, delivery.partition)
        except RecordUnreadable as error:
            if not error.replaceable:
                raise
            return None
        if manifest is None or rejection is not None:
            return None
        same = (
            manifest.contract_digest == contract_digest(contract)
            and manifest.key_fingerprint == self._key(contract)
            and (manifest.state != "not_due" or reason_not_due(contract, delivery.key) is not None)
            and all(path.is_file() for path in manifest.data_paths(self.lake))
        )
        if not same or looks_unchanged(manifest, delivery):
            return manifest if same else None
        if not holds_the_same(manifest, delivery):
            return None
        manifest = renewed(manifest, delivery)
        renew(self.lake, manifest)
        return manifest

    def _ingest(self, contract: Contract, delivery: Delivery, folder: Path) -> Manifest:
        started = time.monotonic()
        before = manifest_if_readable(self.lake, delivery.feed, delivery.partition)
        clean_up(self.lake, delivery.feed, delivery.partition, keep=None, keep_all_data=before is not None)
        shutil.rmtree(work_folder(self.lake, delivery.feed, delivery.partition), ignore_errors=True)
        failpoint("lake.ingest.cleaned")
        ingestion = uuid.uuid4().hex[:12]
        work = work_folder(self.lake, delivery.feed, delivery.partition)
        self.lake.mkdir(parents=True, exist_ok=True)
        for part in (*reversed(work.relative_to(self.lake).parents[:-1]), work.relative_to(self.lake)):
            (self.lake / part).mkdir(mode=0o700, exist_ok=True)
        quarantine = QuarantineWriter(quarantine_folder(self.lake, delivery.feed, delivery.partition), ingestion)
        try:
            batch = self._read(contract, delivery, work, quarantine)
            failpoint("lake.ingest.read")
            manifest = self._keep(contract, delivery, folder, ingestion, batch, quarantine, started)
            self._go_on()
            commit(self.lake, manifest)
        except BaseException as error:
            if isinstance(error, DeliveryRejected) and not self._cancelled:
                self._record(error, contract, delivery, quarantine)
                shutil.rmtree(folder / ingestion, ignore_errors=True)
                raise error.of(delivery.feed, delivery.partition) from None
            # an engine that failed may be unusable from then on; the next delivery gets a new one
            self._close_engine()
            if not self._may_be_committed(delivery, ingestion):
                quarantine.discard()
                shutil.rmtree(folder / ingestion, ignore_errors=True)
            raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return manifest

    def _may_be_committed(self, delivery: Delivery, ingestion: str) -> bool:
        """Whether the manifest is that of ``ingestion``, or cannot be read and so might be."""
        try:
            current = read_manifest(self.lake, delivery.feed, delivery.partition)
        except RecordUnreadable:
            return True
        return current is not None and current.ingestion == ingestion

    def _read(self, contract: Contract, delivery: Delivery, work: Path, quarantine: QuarantineWriter) -> Batch:
        if not delivery.files:
            reason = reason_not_due(contract, delivery.key)
            if reason is None:
                why = delivery.absence or "no file was delivered"
                raise DeliveryRejected("missing", f"{why}, and the contract has no rule by which none is due")
            return Batch.nothing("not_due", reason)
        if self._engine is None:
            self._engine = open_engine(self._memory_limit, self._threads)
        self._engine.execute(f"SET temp_directory = '{str(work).replace(chr(39), chr(39) * 2)}'")
        register_functions(self._engine, contract, self.pseudonyms)
        self._go_on()
        batch = read_delivery(self._engine, contract, delivery, work, self.pseudonyms, quarantine)
        failpoint("lake.read.before_check")
        for file in delivery.files:
            check_version(file)
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
        if share > contract.quarantine_limit:
            common = ", ".join(f"{code} {count}" for code, count in quarantine.reasons.most_common(5))
            raise DeliveryRejected(
                "quarantine_limit",
                f"{quarantine.rows} of {batch.rows_in} rows ({share:.2%}) were set aside, more than the contract's "
                f"{contract.quarantine_limit:.2%}: {common}. They can be read with: platform-assets quarantine show",
            )
        return batch

    def _keep(
        self, contract: Contract, delivery: Delivery, folder: Path, ingestion: str, batch: Batch,
        quarantine: QuarantineWriter, started: float,
    ) -> Manifest:  # fmt: skip
        """Move the Parquet to where it stays, and describe it."""
        files: list[Path] = []
        if batch.files:
            data = folder / ingestion
            data.mkdir()
            files = [file.rename(data / f"part-{index:04d}.parquet") for index, file in enumerate(batch.files)]
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
            data_files=tuple(str(file.relative_to(self.lake)) for file in files),
            content_hash=content_hash(contract_digest(contract), self._key(contract), batch.content),
            rows_in=batch.rows_in,
            rows_out=batch.rows_out,
            rows_quarantined=quarantine.rows,
            reasons=dict(sorted(quarantine.reasons.items())),
            reason=batch.reason,
            warnings=batch.warnings,
            columns=tuple((name, kind) for name, kind, _ in raw_columns(contract)),
            quarantine_file=str(quarantine.path.relative_to(self.lake)) if quarantine.rows else None,
            bytes=sum(file.stat().st_size for file in files),
            seconds=round(time.monotonic() - started, 4),
            ingestion=ingestion,
        )

    def _record(
        self, rejected: DeliveryRejected, contract: Contract, delivery: Delivery, quarantine: QuarantineWriter
    ) -> None:
        quarantine.close()
        rejection = Rejection(
            delivery.feed, delivery.partition, delivery.version, rejected.code, rejected.message, now(),
            quarantine.rows_in, quarantine.rows, dict(quarantine.reasons),
            str(quarantine.path.relative_to(self.lake)) if quarantine.rows else None,
            contract_digest=contract_digest(contract), changed_ns=delivery.changed_ns,
        )  # fmt: skip
        record_rejection(self.lake, rejection)

    def _key(self, contract: Contract) -> str:
        """The key's fingerprint, for contracts whose rows depend on it."""
        return self.pseudonyms.fingerprint if contract.hashes_values and self.pseudonyms is not None else ""
