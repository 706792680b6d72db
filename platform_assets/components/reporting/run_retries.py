"""The tags by which Dagster's daemon starts a failed run again, or does not.

A run that the arrival sensor asked for came with no run retries: the sensor asks again. Any other run has as many as
the policy gives the kinds of its failures; one failure of it that a retry can mend is enough. What a person has set on
the run is not raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from platform_assets._compat import ReexecutionStrategy
from platform_assets.failures import Kind
from platform_assets.feeds import run_tags
from platform_assets.feeds.more import ONCE_MORE, tags_for_more
from platform_assets.retries.policy import Layer, Policies, Policy


def tag_for_lost_worker(
    instance: dg.DagsterInstance, run: dg.DagsterRun, policies: Policies, keys: Sequence[dg.AssetKey]
) -> None:
    """Say on a run, while it is alive, how often it is started again should its process die."""
    if instance.run_retries_enabled and run_tags.MAX_RETRIES not in run.tags:
        retries = max(_retries(policies.of(key.to_user_string()), [Kind.INFRASTRUCTURE]) for key in keys)
        instance.add_run_tags(run.run_id, {run_tags.MAX_RETRIES: str(retries), run_tags.OURS: "true"})


def tag_for_run_retries(instance: dg.DagsterInstance, run_id: str, policy: Policy, kinds: Iterable[Kind]) -> None:
    """Say on the run that failed so whether run retries may start it again."""
    stored, kinds = instance.get_run_by_id(run_id), [*kinds]
    tags = stored.tags if stored is not None else {}
    given = tags.get(run_tags.MAX_RETRIES)
    retries = _retries(policy, kinds)
    mended = tags.get(run_tags.RETRY_STRATEGY) == ReexecutionStrategy.ALL_STEPS.value
    if not retries and mended:
        return  # another step of the run has a failure that a retry can mend
    more: dict[str, str] = {run_tags.MAX_RETRIES: str(retries), run_tags.OURS: "true"}
    if given is not None and run_tags.OURS not in tags:
        # somebody's own choice, or the sensor's
        more = {run_tags.MAX_RETRIES: str(min(retries, run_tags.number(tags, run_tags.MAX_RETRIES)))}
    elif mended:
        more[run_tags.MAX_RETRIES] = str(max(retries, run_tags.number(tags, run_tags.MAX_RETRIES)))
    if retries:
        # from the failure on, only the verdict check would run again; what is published already is left as it is
        more[run_tags.RETRY_STRATEGY] = ReexecutionStrategy.ALL_STEPS.value
        more[run_tags.ON_STEP_FAILURE] = "true"
        worst = max(kinds, key=lambda kind: policy.attempts(kind, Layer.RUN_RETRIES))
        more[run_tags.KIND] = worst.value
        for kind in dict.fromkeys(kinds):
            if kind in ONCE_MORE:
                more |= tags_for_more(kind, tags)
    instance.add_run_tags(run_id, more)


def is_last(instance: dg.DagsterInstance, tags: Mapping[str, str], policy: Policy, kind: Kind) -> bool:
    """Whether no layer tries again by itself after a run with these ``tags`` failed with the kind."""
    if not kind.retryable:
        return kind is not Kind.NOT_DELIVERED
    if tries := run_tags.number(tags, run_tags.TRY):
        return tries >= policy.attempts(kind, Layer.AUTOMATION)
    if not instance.run_retries_enabled:
        return True
    most = _retries(policy, [kind])
    if run_tags.MAX_RETRIES in tags and run_tags.OURS not in tags:
        most = min(most, run_tags.number(tags, run_tags.MAX_RETRIES))
    return run_tags.number(tags, run_tags.RETRY_NUMBER) >= most


def _retries(policy: Policy, kinds: Iterable[Kind]) -> int:
    return max((policy.attempts(kind, Layer.RUN_RETRIES) - 1 for kind in kinds), default=0)
