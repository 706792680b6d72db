"""Runs that a command executes in its own process, on the instance of DAGSTER_HOME, where the UI shows them."""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from platform_assets.cli.ctrl_c import Canceled, Interrupts
from platform_assets.feeds import run_tags
from platform_assets.launching.worker_process import WorkerProcess

CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def execute_run(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    run_id: str,
    interrupts: Interrupts,
    *,
    keys: Sequence[dg.AssetKey],
    partition_key: str | None,
    tags: Mapping[str, str],
) -> dg.ExecuteInProcessResult | None:
    """Materialize the assets ``keys`` by a run of that id; None if Ctrl-C came between two of its steps.

    A run that Ctrl-C has ended is canceled.
    """
    interrupts.before = functools.partial(_cancel, instance, run_id)
    try:
        return job.execute_in_process(
            run_id=run_id,
            instance=instance,
            asset_selection=list(keys),
            partition_key=partition_key,
            # whoever looks for dead runs may be on another machine
            tags={**tags, run_tags.WORKER: WorkerProcess.of(os.getpid()).to_tag()},
            run_config=CONSOLE,
            raise_on_error=False,
        )
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        # between two steps it is raised; the run is over all the same
        made = instance.get_run_by_id(run_id)
        if made is not None and made.status not in OVER:
            instance.report_run_canceled(made)
        return None


def _cancel(instance: dg.DagsterInstance, run_id: str) -> None:
    """Mark the run as being canceled: Dagster takes an interrupt for a failure unless it was marked before."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.status not in OVER:
        instance.report_run_canceling(run)


@dataclass(frozen=True)
class Runner:
    """What a command that executes several runs has for each of them; ``say`` prints a line for people."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    interrupts: Interrupts
    say: Callable[[str], None]

    def run(
        self, what: str, keys: Sequence[dg.AssetKey], request: dg.RunRequest, tags: Mapping[str, str]
    ) -> dg.ExecuteInProcessResult:
        """A run of the assets ``keys`` over what ``request`` names, which is called ``what``.

        Raises:
            Canceled: if Ctrl-C has come; a run that it has ended is canceled too.
        """
        self.say(f"{what} ...")
        job, tags = self.definitions.resolve_implicit_global_asset_job_def(), {**request.tags, **tags}
        run = execute_run(
            job, self.instance, str(uuid.uuid4()), self.interrupts,
            keys=keys, partition_key=request.partition_key, tags=tags,
        )  # fmt: skip
        if run is None or self.interrupts.received:
            raise Canceled
        self.say(f"run {run.run_id[:8]}: {'success' if run.success else 'failure'}")
        return run
