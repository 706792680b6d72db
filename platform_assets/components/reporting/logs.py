"""What the rooms without Dagster log, in the log of the run or the tick that they work for, as the UI shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from platform_assets.components.reporting.outcomes import Outcome
from platform_assets.failures import Kind
from platform_assets.logs import forwarded, log_context
from platform_assets.wording import counted

ROWS, QUARANTINED = "dagster/row_count", "rows_quarantined"


@contextmanager
def step_logs(context: dg.AssetExecutionContext, feed: str) -> Iterator[None]:
    """For the length of the block, the platform's lines are those of ``feed`` and of the run, and are in its log.

    What is below the level of the resource `platform` stays out: a line a partition is a row of the event log each.
    """
    with (
        log_context(feed=feed, run=context.run.run_id),
        forwarded(context.log, level=context.resources.platform.log_level),
    ):
        yield


def stage_line(key: dg.AssetKey, outcomes: Sequence[Outcome], seconds: float) -> str:
    """The one line of a run on one asset: what became of how many partitions, and of their rows."""
    failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    bad = Counter("rejected" if failure.kind is Kind.REJECTED else "failed" for failure in failures)
    unchanged = sum(outcome.unchanged for outcome in outcomes)
    parts = {"good": len(outcomes) - len(failures), "unchanged": unchanged}
    parts |= {word: bad[word] for word in ("rejected", "failed")}
    states = ", ".join(f"{count} {name}" for name, count in parts.items())
    line = f"{key.to_user_string()}: {counted(len(outcomes), 'partition')} in {seconds:.2f} s: {states}"
    quarantined = (
        f", {_sum(outcomes, QUARANTINED)} quarantined" if any(QUARANTINED in o.metadata for o in outcomes) else ""
    )
    return f"{line}; {counted(_sum(outcomes, ROWS), 'row')}{quarantined}"


def _sum(outcomes: Sequence[Outcome], name: str) -> int:
    return sum(outcome.metadata.get(name, 0) for outcome in outcomes)
