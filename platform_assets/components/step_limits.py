"""The time limit of every step that this process executes, whoever wrote its asset.

Definitions :func:`install` it when they are loaded, so each process that executes a step has it: a run in one process,
the children of the multiprocess executor, a command. What ends the work is in ``limits.clock``.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.components.history import earlier_steps
from platform_assets.components.reporting.outcomes import Outcome, problems_table
from platform_assets.components.reporting.run_retries import tag_for_run_retries
from platform_assets.failures import Failure, Kind
from platform_assets.feeds import run_tags
from platform_assets.holds.breaker import Step, record
from platform_assets.holds.holds import held
from platform_assets.lake.deliveries import SNAPSHOT
from platform_assets.launching._compat import (
    StepExecutionContext,
    Steps,
    around_steps,
    assets_of_step,
    end_run,
    retried_by_policy,
    store_failure,
)
from platform_assets.limits.clock import Limit, StepClock
from platform_assets.limits.limits_file import read_limits
from platform_assets.limits.policy import NEXT_STEP, TAG, Limits, message_of
from platform_assets.platform_resource import PlatformResource
from platform_assets.retries.policy import DEFAULT, Policy

CODE = "time_limit"
_file: Path | None = None


def install(file: Path | None = None) -> None:
    """Limit every step from now on, as the section `limits` of ``file`` (retries.yaml) says.

    Raises:
        LimitsError: if the section cannot be used; it names file, line and key.
    """
    global _file
    read_limits(file)
    _file = file
    around_steps(limited)


def limited(steps: Steps) -> Steps:
    """``steps``, each with a clock. A step that is past its limit ends in a `dagster.Failure` of the kind timeout."""

    def limited_step(context: StepExecutionContext) -> Generator[Any, None, None]:
        step = _Step(context)
        step.refuse_held()
        clock = step.clock(limited_step.__code__)
        if clock is None:
            yield from steps(context)
            return
        sequence = steps(context)
        clock.begin()
        try:
            for event in sequence:
                # what has gone on as if nothing had been
                clock.refuse_more()
                yield event
        except GeneratorExit:
            raise
        except BaseException as error:
            sequence.close()
            clock.end()
            if not clock.is_over:
                raise
            raise retried_by_policy(context, step.failure(clock.message)) from error
        finally:
            clock.end()

    return limited_step


class _Step:
    """What a step is about, as far as its limit is concerned."""

    def __init__(self, context: StepExecutionContext) -> None:
        self.context = context
        self.assets = assets_of_step(context)
        self.name = ", ".join(key.to_user_string() for key in self.assets[:3]) or context.step.key
        if len(self.assets) > 3:
            self.name += f" and {len(self.assets) - 3} more"

    def refuse_held(self) -> None:
        """Raise dg.Failure if an asset of somebody else is held. Those of the platform look themselves."""
        if "platform" in self.context.required_resource_keys:
            return
        found = held(self.context.instance, time.time()).of([key.to_user_string() for key in self.assets])
        if found:
            tag_for_run_retries(self.context.instance, self.context.run_id, DEFAULT, [Kind.HELD])
            raise self._failed(found[0].failure, allow_retries=False)

    def clock(self, outermost: Any) -> StepClock | None:
        """The step's clock; None where no main thread could be ended. Raises dg.Failure for a wrong limit."""
        if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
            return None
        limits = read_limits(_file)
        try:
            said = limits.said(self._tags())
        except ValueError as error:
            raise self._failed(Failure(Kind.MISCONFIGURED, CODE, str(error)), allow_retries=False) from None
        return StepClock(
            self._more(said or limits.default),
            message=lambda limit: message_of(self.name, limit),
            report=self._report,
            outermost=outermost,
            later=(lambda: None) if said is not None else (lambda: self._learned(limits)),
        )

    def _tags(self) -> dict[str, Mapping[str, str]]:
        of_op = {TAG: self.context.step.tags[TAG]} if TAG in self.context.step.tags else {}
        graph = self.context.job_def.asset_layer.asset_graph
        return {key.to_user_string(): {**of_op, **graph.get(key).tags} for key in self.assets} or {self.name: of_op}

    def _learned(self, limits: Limits) -> Limit | None:
        if not self.assets:
            return None
        earlier = earlier_steps(self.context.instance, self.assets[0], self.context.step.key)
        found = limits.of_history(earlier, len(self._partitions()))
        return None if found is None else self._more(found)

    def _more(self, limit: Limit) -> Limit:
        """Twice the time in the run after one that had too little."""
        if self.context.dagster_run.tags.get(run_tags.MORE) != Kind.TIMEOUT.value:
            return limit
        return Limit(2 * limit.seconds, f"{limit.source}, twice in the run after a timeout")

    def _partitions(self) -> list[str]:
        context = self.context
        if not self.assets or context.run_partitions_def is None or not context.has_partitions:
            return [SNAPSHOT]
        keys = context.partition_key_range
        with dg.partition_loading_context(dynamic_partitions_store=context.instance):
            return list(context.run_partitions_def.get_partition_keys_in_range(keys))

    def failure(self, message: str) -> dg.Failure:
        """The failure of a step whose limit is over."""
        failure = Failure(Kind.TIMEOUT, CODE, message, NEXT_STEP)
        platform = getattr(self.context.resources, "platform", None)
        if self.assets and isinstance(platform, PlatformResource):
            self._tell_retries(failure, platform.retry_policies().of(self.assets[0].to_user_string()))
        return self._failed(failure, allow_retries=True)

    def _tell_retries(self, failure: Failure, policy: Policy) -> None:
        """Let run retries and the arrival sensor know of a timeout of the platform's own assets."""
        instance, run = self.context.instance, self.context.dagster_run
        tag_for_run_retries(instance, run.run_id, policy, [failure.kind])
        asked_ns = run_tags.number(run.tags, run_tags.ASKED)
        failures = dict.fromkeys(self._partitions(), failure)
        steps = [Step(key.to_user_string(), failures, asked_ns=asked_ns) for key in self.assets]
        record(instance, steps, {}, time.time())

    def _failed(self, failure: Failure, *, allow_retries: bool) -> dg.Failure:
        metadata: dict[str, Any] = {"kinds": dg.MetadataValue.json({failure.kind.value: 1}), "retryable": allow_retries}
        if self.assets:
            bad = [Outcome(partition, failure=failure) for partition in self._partitions()]
            metadata |= {
                "asset": self.assets[0].to_user_string(),
                "partitions": problems_table(bad),
                "kinds": dg.MetadataValue.json({failure.kind.value: len(bad)}),
            }
        description = f"{failure.message}; {failure.next_step}"
        return dg.Failure(description, metadata=metadata, allow_retries=allow_retries)

    def _report(self, message: str) -> None:
        """Before this process ends itself: the step has failed, and so has its run, if this is the run's process."""
        context = self.context
        store_failure(context, self.failure(message))
        if multiprocessing.parent_process() is None:
            end_run(context.instance, context.dagster_run, message)
