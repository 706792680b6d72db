"""The start of a step: whether it may begin, how often it tries, and with how much.

A held asset is refused. A run that Dagster has started again waits for its turn: Dagster itself knows no wait between
two runs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from platform_assets.components.reporting.outcomes import Outcome, policies_of, rejected
from platform_assets.components.reporting.run_retries import tag_for_lost_worker
from platform_assets.feeds import run_tags
from platform_assets.feeds.other_locations import announce
from platform_assets.holds.breaker import Step, record
from platform_assets.holds.holds import held
from platform_assets.lake.deliveries import SNAPSHOT
from platform_assets.retries.in_run import Tries, pause
from platform_assets.retries.policy import Layer, Policies, seeded


@dataclass(frozen=True)
class Attempt:
    """How a step works in its run. With ``more`` it is the run after one that had too little memory or time."""

    policies: Policies
    run_id: str
    repeated: bool
    more: bool

    def tries(self, asset: dg.AssetKey) -> Tries:
        """How the step tries again what it does for an asset."""
        name = asset.to_user_string()
        return Tries(self.policies.of(name), seeded(name, self.run_id), self.repeated)


def begin(context: dg.AssetExecutionContext, keys: Sequence[dg.AssetKey], partitions: Sequence[str]) -> Attempt:
    """Let the step of the assets ``keys`` begin. Other code locations know from here on which partitions these have.

    Raises:
        dg.Failure: if one of the assets is held; it names who held it and why.
    """
    refuse_held(context, keys, partitions)
    announce(context.instance, context.job_def.asset_layer.asset_graph, keys)
    policies, tags = policies_of(context), context.run.tags
    tag_for_lost_worker(context.instance, context.run, policies, keys)
    number = run_tags.number(tags, run_tags.RETRY_NUMBER)
    if number:
        wait = max(_wait(context, policies, key, number) for key in keys)
        if wait > 0:
            context.log.info(f"attempt {number + 1} of this work: it begins in {wait:.0f} s")
            pause(wait)
    repeated = number > 0 or run_tags.number(tags, run_tags.TRY) > 1
    return Attempt(policies, context.run.run_id, repeated, run_tags.MORE in tags)


def refuse_held(context: dg.AssetExecutionContext, keys: Sequence[dg.AssetKey], partitions: Sequence[str]) -> None:
    """Raise dg.Failure if one of the assets is held."""
    found = held(context.instance, time.time()).of([key.to_user_string() for key in keys])
    if found:
        first = found[0]
        bad = [Outcome(partition, failure=first.failure) for partition in partitions or [SNAPSHOT]]
        asked_ns = run_tags.number(context.run.tags, run_tags.ASKED)
        refused = Step(first.asset, dict.fromkeys(partitions, first.failure), asked_ns=asked_ns)
        record(context.instance, [refused], {}, time.time())
        raise rejected(context, dg.AssetKey.from_user_string(first.asset), bad, len(bad))


def _wait(context: dg.AssetExecutionContext, policies: Policies, key: dg.AssetKey, number: int) -> float:
    """Seconds until the policy lets this run work: as long after the run was made as its kind of failure says."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None:
        return 0.0
    name = key.to_user_string()
    backoff = policies.of(name).backoff(run_tags.kind_of(context.run.tags), Layer.RUN_RETRIES)
    delay = backoff.delay(number, seeded(name, str(context.run.root_run_id)))
    return record.create_timestamp.timestamp() + delay - time.time()
