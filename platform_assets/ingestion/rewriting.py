"""A partition that was ingested under another contract, written anew from the lake under the contract as it is now.

This is for partitions whose delivery is gone. Values are read from the lake's Parquet, cast where a type has changed,
and protected by the same functions as in an ingestion. Rows that do not keep the contract are quarantined; of them too,
what is protected now is written protected. What cannot be done says ``rewriting_plan``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from platform_assets.contracts.model import Contract, Protection
from platform_assets.failpoints import failpoint
from platform_assets.failures import Kind
from platform_assets.formats.duckdb_errors import damage_of
from platform_assets.formats.parquet.rows import FILE_INDEX, ROW_NUMBER, raw_rows, reading_sql
from platform_assets.formats.source import Source
from platform_assets.ingestion.engine import open_engine, register_functions
from platform_assets.ingestion.ingestor import Ingestor
from platform_assets.ingestion.protection import protected_sql
from platform_assets.ingestion.reading import Batch, batch_of
from platform_assets.ingestion.rewriting_plan import NotInTheLake, Rewriting, plan_rewriting
from platform_assets.ingestion.unchanged import Ingested
from platform_assets.ingestion.validation import validate
from platform_assets.lake.deliveries import Delivery
from platform_assets.lake.errors import DeliveryRejected, IngestionError
from platform_assets.lake.manifest import Manifest
from platform_assets.lake.quarantine import Mark
from platform_assets.lake.store import LakePartition, Stage, named
from platform_assets.partition_key import PartitionKey
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal

NOTHING = Mark(0, 0, Counter(), Counter(), ())


class LakeRewriter(Ingestor):
    """An :class:`Ingestor` that can also write partitions anew from the lake."""

    _kept: Manifest | None = None
    """What is written anew, while that is done."""
    _fresh = NOTHING
    """What was quarantined of it, without what was before."""

    def rewrite(self, *, contract: Contract, partition: PartitionKey) -> Ingested:
        """The manifest of the partition under ``contract``, committed; unchanged if it is that already.

        Raises :class:`NotInTheLake` if the lake does not hold what is needed, else what :meth:`Ingestor.take` raises.
        """
        kept = self.lake.manifest(contract.name, partition.key)
        if kept is None:
            raise NotInTheLake(f"{contract.name} {partition.key}: nothing of it is in the lake")
        delivery = Delivery(contract.name, partition, kept.delivery_files)
        self._kept, self._fresh = kept, NOTHING
        try:
            return self.take(contract=contract, delivery=delivery)
        finally:
            self._kept = None

    def _made_before(self, held: LakePartition, contract: Contract, delivery: Delivery) -> Manifest | None:
        if self._kept is not None:
            # another run may have committed it since
            if held.manifest is None or not held.has_data(held.manifest):
                raise NotInTheLake("the Parquet that its manifest names is gone")
            self._kept = held.manifest
        return super()._made_before(held, contract, delivery)

    def _read(self, contract: Contract, delivery: Delivery, stage: Stage) -> Batch:
        kept = self._kept
        if kept is None:
            return super()._read(contract, delivery, stage)
        if kept.state != "data":
            return Batch.nothing(kept.state, kept.reason)
        plan = plan_rewriting(kept, contract, self._key(contract))
        if self._engine is None:
            self._engine = open_engine(self._memory_limit, self._threads)
        self._engine.execute(f"SET temp_directory = {literal(str(stage.work))}")
        register_functions(self._engine, contract, self.pseudonyms)
        register_functions(self._engine, plan.contract, self.pseudonyms)
        self._go_on()
        with self.lake.on_disk([kept]) as files:
            try:
                batch = self._written(self._engine, plan, kept, files[kept.partition], stage)
            except duckdb.Error:
                _check_intact(files[kept.partition], [named(self.lake, file) for file in kept.data_files])
                raise
        failpoint("lake.rewrite.read")
        share = stage.quarantine.rows / max(1, batch.rows_in)
        if share > contract.quarantine_limit and not 0 < stage.quarantine.rows <= contract.quarantine_minimum:
            message = self._over_limit(contract, delivery, batch.rows_in, stage.quarantine)
            raise DeliveryRejected("quarantine_limit", f"written anew from the lake: {message}")
        self._fresh = stage.quarantine.mark()
        if kept.quarantine_file is not None and not plan.protected:
            for row in self.lake.quarantined_rows(kept.quarantine_file, None):
                stage.quarantine.add(row.file, row.line, row.reasons, row.raw.encode())
        stage.quarantine.close()
        return batch

    def _written(
        self, engine: duckdb.DuckDBPyConnection, plan: Rewriting, kept: Manifest, paths: tuple[Path, ...], stage: Stage
    ) -> Batch:
        source = _source(engine, plan, paths, self)
        target = stage.work / "part-0000.parquet"
        part = validate(engine, plan.contract, source, target, self.pseudonyms, stage.quarantine)
        content = (f"rewritten from {kept.content_hash}",)
        batch = batch_of(engine, plan.contract, [part], source.records, content, stage.quarantine)
        if batch.rows_in != batch.rows_out + stage.quarantine.rows:
            raise IngestionError(
                f"rows in {batch.rows_in}, out {batch.rows_out}, quarantined {stage.quarantine.rows}: they do not meet",
                code="counts",
                kind=Kind.BUG,
            )
        return dataclasses.replace(batch, warnings=(*kept.warnings, *plan.notes))

    def _described(
        self, held: LakePartition, contract: Contract, delivery: Delivery, stage: Stage, batch: Batch
    ) -> Manifest:
        made, kept = super()._described(held, contract, delivery, stage, batch), self._kept
        if kept is None:
            return made
        # rows that were quarantined before are counted on; under a new protection their texts are not kept
        fresh = self._fresh
        carried = made.rows_quarantined - fresh.rows
        return dataclasses.replace(
            made,
            delivery_version=kept.delivery_version,
            rewritten=not carried,
            rows_in=made.rows_in + kept.rows_quarantined,
            rows_quarantined=fresh.rows + kept.rows_quarantined,
            reasons=_sum(fresh.reasons, kept.reasons),
            rules=_sum(fresh.rules, kept.rules),
            rows_purged=kept.rows_quarantined - carried,
            purged_at=(kept.purged_at or _now()) if kept.rows_quarantined > carried else "",
        )


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(one) + Counter(other)).items()))


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _check_intact(paths: Sequence[Path], places: Sequence[str]) -> None:
    """Raise :class:`DataUnreadable` for the first damaged file; ``places`` are where they lie."""
    for path, place in zip(paths, places, strict=True):
        # a connection of its own, as one that has failed may be unusable
        with damage_of(place), duckdb.connect() as engine:
            engine.execute("SELECT max(hash(COLUMNS(*))) FROM read_parquet(?)", [str(path)]).fetchall()


def _source(
    engine: duckdb.DuckDBPyConnection, plan: Rewriting, paths: tuple[Path, ...], rewriter: LakeRewriter
) -> Source:
    counts = [
        int(engine.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchall()[0][0]) for path in paths
    ]
    number = ROW_NUMBER
    if len(paths) > 1:
        before = np.cumsum([0, *counts])[:-1].tolist()
        number = f"(CAST({before} AS BIGINT[]))[CAST({FILE_INDEX} AS BIGINT) + 1] + {ROW_NUMBER}"
    values = []
    for column, (sql, _) in zip(plan.contract.columns, plan.expressions, strict=True):
        if column.protection is not Protection.DROP:
            # the quarantine holds no value that is protected now
            shown = protected_sql(column, rewriter.pseudonyms).replace(quoted(column.name), f"({sql})")
            values.append((column.name, shown))
    return Source(
        files=tuple(path.name for path in paths),
        relation=reading_sql(paths),
        expressions=plan.expressions,
        records=sum(counts),
        set_aside=0,
        fetch=raw_rows(engine, values, paths, counts),
        row_number=number,
    )
