"""The materializations of one asset in a step, stored in one transaction where the storage can do that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg
from dagster._core.events import DagsterEventBatchMetadata, generate_event_batch_id


def materialized(
    context: dg.AssetExecutionContext, materializations: Sequence[dg.AssetMaterialization]
) -> Iterator[dg.AssetMaterialization | dg.DagsterEvent]:
    """What a step yields for its materializations.

    Dagster stores each materialization that a step yields by a transaction of its own. Events that are made here are
    marked as a batch, which an instance without batches stores one by one.
    """
    if len(materializations) < 2:
        yield from materializations
        return
    step, batch = context.get_step_execution_context(), generate_event_batch_id()
    last = len(materializations) - 1
    yield from [
        dg.DagsterEvent.asset_materialization(step, each, DagsterEventBatchMetadata(batch, number == last))
        for number, each in enumerate(materializations)
    ]
