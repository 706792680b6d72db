"""Runs that have failed by themselves although it was their memory: the kernel killed a child of the main process.

The step fails as crashed, the run ends in good order, and the job says that it is complete: only its pod, which is
looked at afterwards, knows better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from platform_assets.kubernetes.ended_runs import Ended
from platform_assets.kubernetes.pods import gone_wrong, out_of_memory
from platform_assets.kubernetes.sizes import Sizes


def report_killed_children(
    instance: dg.DagsterInstance,
    sizes: Callable[[], Sizes | None],
    pods: Mapping[str, Sequence[Any]],
    known: set[str],
) -> Iterator[tuple[str, str]]:
    """Report failed runs once more, as out of memory, so that they are started again; their ids and the messages.

    ``pods`` are those of runs that are not under way, by run id. ``known`` are the ids of the runs that nothing is to
    be said of any more; it is added to.
    """
    for run_id, own in pods.items():
        finding = gone_wrong(own) if run_id not in known and any(map(out_of_memory, own)) else None
        if finding is None:
            continue
        run = instance.get_run_by_id(run_id)
        # none: of another instance in the same namespace
        if run is None or run.status is not dg.DagsterRunStatus.FAILURE:
            continue
        if not _is_reported(instance, run_id, finding.message):
            yield run_id, Ended(instance, sizes(), run, finding).report()
        known.add(run_id)


def _is_reported(instance: dg.DagsterInstance, run_id: str, message: str) -> bool:
    """Whether the run's log has it as the reason of a failure: the tags are written before that."""
    failures = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return any(message in (entry.get_dagster_event().message or "") for entry in failures)
