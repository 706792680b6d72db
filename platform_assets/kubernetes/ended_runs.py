"""A run that its pod has ended: reported as failed for the pod's reason, with the tags that decide what follows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from platform_assets._compat import CHILD_CRASHED, ReexecutionStrategy
from platform_assets.failures import Kind
from platform_assets.feeds import run_tags
from platform_assets.kubernetes.learned_sizes import learn
from platform_assets.kubernetes.pods import Finding
from platform_assets.kubernetes.sizes import Size, Sizes
from platform_assets.launching._compat import end_run
from platform_assets.retries.policy import DEFAULT, Layer

MOST_LOST = 5
"""Pods of a run, and of those that it goes on from, that the cluster may take away until somebody has to look."""

_OVER = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_SKIPPED)


@dataclass(frozen=True)
class Ended:
    """Why a run in a pod is over; ``sizes`` is None where pods have no size classes."""

    instance: dg.DagsterInstance
    sizes: Sizes | None
    run: dg.DagsterRun
    finding: Finding

    def report(self) -> str:
        """Report the run as failed; the message."""
        size = self._size()
        larger = self.sizes.next(size) if self.sizes is not None and size is not None else None
        assets = self._under_way() if self.finding.kind is Kind.MEMORY else []
        if larger is not None and assets:
            # also for a run that follows none: the next one starts there
            learn(self.instance, assets, larger.name, time.time())
        tags = {run_tags.ENDED: f"{self.finding.kind.value}/{self.finding.code}", **self._retries(larger)}
        self.instance.add_run_tags(self.run.run_id, tags)
        message = self.finding.message
        if self.finding.kind is Kind.MEMORY:
            message = f"{message}{self._ladder(size, larger, again=tags.get(run_tags.MORE) is not None)}"
        end_run(self.instance, self.run, message)
        return message

    def _size(self) -> Size | None:
        return self.sizes.sizes.get(self.run.tags.get(run_tags.SIZE, "")) if self.sizes is not None else None

    def _ladder(self, size: Size | None, larger: Size | None, *, again: bool) -> str:
        if size is None:
            return ""
        parent = self.instance.get_run_by_id(self.run.parent_run_id) if self.run.parent_run_id else None
        before = ""
        if parent is not None and parent.tags.get(run_tags.ENDED, "").startswith(Kind.MEMORY.value):
            before = f", after size {parent.tags.get(run_tags.SIZE)} in run {parent.run_id[:8]}"
        if again and larger is not None:
            next_ = f". It is started once more in size {larger.name} ({larger.memory})"
        elif larger is not None:
            next_ = f". The next run of it starts in size {larger.name} ({larger.memory})"
        else:
            next_ = ", the largest: it needs less memory, or a larger size"
        return f", in size {size.name} ({size.memory}){before}{next_}"

    def _retries(self, larger: Size | None) -> dict[str, str]:
        """The tags by which Dagster starts the run again, or does not."""
        tags, kind = self.run.tags, self.finding.kind
        somebodys = run_tags.MAX_RETRIES in tags and run_tags.OURS not in tags
        # another process has begun to report it
        begun = bool(tags.get(run_tags.ENDED))
        if not self.instance.run_retries_enabled or somebodys or begun:
            return {}
        number = run_tags.number(tags, run_tags.RETRY_NUMBER)
        most, more = number, dict[str, str]()
        if self.finding.lost:
            lost = run_tags.number(tags, run_tags.LOST) + 1
            more[run_tags.LOST] = str(lost)
            # that is no attempt of the asset's
            most = number + 1 if lost <= MOST_LOST else number
        elif kind is Kind.MEMORY:
            once_more = larger is not None and tags.get(run_tags.MORE) != Kind.MEMORY.value
            most = number + 1 if once_more else number
            if once_more:
                more[run_tags.MORE] = Kind.MEMORY.value
        elif kind.retryable:
            most = DEFAULT.attempts(kind, Layer.RUN_RETRIES) - 1 + run_tags.number(tags, run_tags.LOST)
        return {
            **more,
            run_tags.MAX_RETRIES: str(most),
            run_tags.OURS: "true",
            run_tags.ON_STEP_FAILURE: "true",
            run_tags.RETRY_STRATEGY: ReexecutionStrategy.ALL_STEPS.value,
            run_tags.KIND: kind.value,
        }

    def _under_way(self) -> Sequence[str]:
        """The assets of steps that had begun and were not over; all of the run's if there are none."""
        steps: dict[str, set[str]] = {}
        planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        began, over = set(), set()
        wanted = {dg.DagsterEventType.STEP_START, planned, *_OVER}
        for entry in self.instance.all_logs(self.run.run_id, of_type=wanted):
            event = entry.dagster_event
            if event is None or event.step_key is None:
                continue
            if event.event_type is planned and event.asset_key is not None:
                steps.setdefault(event.step_key, set()).add(event.asset_key.to_user_string())
            elif event.event_type is dg.DagsterEventType.STEP_START:
                began.add(event.step_key)
            elif event.event_type in _OVER and not _crashed(event):
                over.add(event.step_key)
        found = {asset for step in began - over for asset in steps.get(step, ())}
        every = {asset for assets in steps.values() for asset in assets}
        return sorted(found or every)


def _crashed(event: dg.DagsterEvent) -> bool:
    """Whether a step has failed because its process was killed."""
    if event.event_type is not dg.DagsterEventType.STEP_FAILURE:
        return False
    error = event.step_failure_data.error
    return error is not None and error.cls_name == CHILD_CRASHED
