"""One run over many partitions, and the truth for each: how a step reports partitions that came out differently.

A step yields one `AssetMaterialization` for each good partition and then an Output that Dagster does not take for
a materialization of the whole range; steps downstream go on with the good ones. The verdict check beside it then ends
the run as failed if any partition was bad: in the grid that partition alone is red.
What a partition's outcome *is* gets decided in the rooms below; here it is only reported to Dagster.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg

from platform_assets._compat import NOT_A_MATERIALIZATION
from platform_assets.components.reporting.materializations import materialized
from platform_assets.components.reporting.run_retries import is_last, tag_for_run_retries
from platform_assets.failures import Failure, Kind
from platform_assets.feeds import run_tags
from platform_assets.holds.breaker import Step, record
from platform_assets.lake.deliveries import SNAPSHOT, dagster_partition
from platform_assets.publishing.verdicts import VERDICT
from platform_assets.retries.policy import Policies

LEFT_OUT = "left_out"
"""Metadata of a step's output: the partitions that were left out, the first of them with their problems."""

SHOWN = 50
"""Problems that are reported in words; metadata of a run with thousands of bad partitions stays small."""


@dataclass(frozen=True)
class Outcome:
    """What became of one partition of one asset. ``failure`` is None for a good one.

    ``wait`` is how many seconds later another try within the same run may mend the failure (None: there is none).
    ``of_upstream`` says that the failure is one of an asset above.
    """

    partition: str
    data_version: str | None = None
    failure: Failure | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    unchanged: bool = False
    wait: float | None = None
    of_upstream: bool = False

    @property
    def problem(self) -> str | None:
        """The failure's message."""
        return None if self.failure is None else self.failure.message

    def with_metadata(self, more: Mapping[str, Any]) -> "Outcome":
        """The same outcome with more metadata."""
        return replace(self, metadata={**self.metadata, **more})


def run_partitions(context: dg.AssetExecutionContext) -> list[str]:
    """The partition keys of the step, in their order; the one snapshot key for assets without partitions.

    A run of one partition may hold assets without partitions too: theirs is not the run's key.

    Raises:
        dg.Failure: if the assets have partitions and the run names none.
    """
    if all(spec.partitions_def is None for spec in context.assets_def.specs):
        return [SNAPSHOT]
    if not (context.has_partition_key or context.has_partition_key_range):
        raise dg.Failure("these assets have partitions: choose the ones to materialize", allow_retries=False)
    return list(context.partition_keys)


@dataclass(frozen=True)
class AssetOutcomes:
    """What a step did to one asset: its outcomes in the order of the run's partitions, and its output's name."""

    key: dg.AssetKey
    output_name: str
    outcomes: Sequence[Outcome]

    @property
    def bad(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.failure is not None]


def policies_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Policies:
    """The retry policies that the resource `platform` of the run has; the defaults where there is none."""
    platform = getattr(context.resources, "platform", None)
    found: Policies = platform.retry_policies() if platform is not None else Policies()
    return found


def report(
    context: dg.AssetExecutionContext,
    assets: Sequence[AssetOutcomes],
    checks: Mapping[dg.AssetKey, Sequence[dg.AssetCheckResult]] | None = None,
    *,
    goes_on: bool = False,
) -> Iterator[dg.AssetMaterialization | dg.DagsterEvent | dg.AssetCheckResult | dg.Output[None]]:
    """The events of a step: for each asset its good partitions, its Output and its check results.

    Raises:
        dg.Failure: before anything downstream can run, if no partition of any asset is good; after the events, if
            some are bad and the verdict check that would report it is not part of the run. With ``goes_on`` the rest
            of the run, most of which does not read these assets, goes on even if nothing is good.
    """
    hopeless = not goes_on and all(len(asset.bad) == len(asset.outcomes) for asset in assets)
    if not hopeless:
        for asset in assets:
            good = [outcome for outcome in asset.outcomes if outcome.failure is None]
            yield from materialized(context, [_materialization(asset.key, outcome) for outcome in good])
            left_out = {o.partition: _brief(o.failure, index) for index, o in enumerate(asset.bad) if o.failure}
            metadata = {**NOT_A_MATERIALIZATION, **({LEFT_OUT: dg.MetadataValue.json(left_out)} if left_out else {})}
            yield dg.Output(None, output_name=asset.output_name, metadata=metadata)
    for results in (checks or {}).values():
        yield from results
    _count_failures(context, assets)
    for asset in assets:
        if asset.bad and (hopeless or not _verdict_follows(context, asset.key)):
            raise rejected(context, asset.key, asset.bad, len(asset.outcomes))


def _count_failures(context: dg.AssetExecutionContext, assets: Sequence[AssetOutcomes]) -> None:
    """Let the circuit breaker know what became of the assets, and say which of them it holds from now on."""
    policies, steps = policies_of(context), []
    tags = context.run.tags
    for asset in assets:
        name = asset.key.to_user_string()
        failures = {o.partition: o.failure for o in asset.bad if o.failure is not None}
        good = [o.partition for o in asset.outcomes if o.failure is None]
        is_over = all(is_last(context.instance, tags, policies.of(name), failure.kind) for failure in failures.values())
        own = not any(o.of_upstream for o in asset.bad)
        counts = bool(failures) and not good and own and is_over
        steps.append(Step(name, failures, good, counts, run_tags.number(tags, run_tags.ASKED)))
    limits = {step.asset: policies.of(step.asset).failures for step in steps}
    for each in record(context.instance, steps, limits, time.time()):
        context.log.error(f"{each.failure.message}. {each.failure.next_step}")


def _brief(failure: Failure, index: int) -> dict[str, str]:
    """The failure for metadata; of all but the first the kind and code alone."""
    shown = failure.to_dict()
    return shown if index < SHOWN else {key: shown[key] for key in ("kind", "code")}


def output_name(key: dg.AssetKey) -> str:
    """The name that a multi-asset made from specs gives to the output of ``key``."""
    return key.to_python_identifier()


def _materialization(key: dg.AssetKey, outcome: Outcome) -> dg.AssetMaterialization:
    # materializations that are yielded by hand carry no data version of their own
    tags = {"dagster/data_version": outcome.data_version} if outcome.data_version else {}
    return dg.AssetMaterialization(
        asset_key=key,
        partition=dagster_partition(outcome.partition),
        metadata=dict(outcome.metadata),
        tags=tags,
    )


def _verdict_follows(context: dg.AssetExecutionContext, key: dg.AssetKey) -> bool:
    # the job of a run holds just the checks that were selected for it
    return dg.AssetCheckKey(key, VERDICT) in context.job_def.asset_layer.asset_graph.asset_check_keys


def rejected(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
    key: dg.AssetKey,
    bad: Sequence[Outcome],
    total: int,
) -> dg.Failure:
    """The failure that names the bad partitions. Run retries are left to runs with a failure that a retry can mend."""
    name, kinds = key.to_user_string(), [outcome.failure.kind for outcome in bad if outcome.failure is not None]
    retryable = any(kind.retryable for kind in kinds)
    run = context.run if isinstance(context, dg.AssetExecutionContext) else context.op_execution_context.run
    tag_for_run_retries(context.instance, run.run_id, policies_of(context).of(name), kinds)
    lines = "\n".join(f"  {outcome.partition}: {outcome.problem}" for outcome in bad[:SHOWN])
    more = f"\n  and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
    return dg.Failure(
        description=f"{name}: {len(bad)} of {total} partitions not published\n{lines}{more}",
        metadata={"asset": name, "partitions": problems_table(bad), **_kinds(bad)},
        allow_retries=retryable,
    )


def _kinds(bad: Sequence[Outcome]) -> dict[str, Any]:
    """How many partitions failed in which way, and whether a retry can help."""
    counts = Counter(outcome.failure.kind for outcome in bad if outcome.failure is not None)
    return {
        "kinds": dg.MetadataValue.json({kind.value: counts[kind] for kind in Kind if counts[kind]}),
        "retryable": any(kind.retryable for kind in counts),
    }


def problems_table(bad: Sequence[Outcome]) -> dg.TableMetadataValue:
    """The bad partitions and why, as a table for the UI; the first of them only."""
    names = ("partition", "kind", "code", "problem", "who_acts", "next_step")
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in names])
    records = [
        dg.TableRecord(
            dict(zip(names, (o.partition, f.kind.value, f.code, f.message, f.actor.value, f.next_step), strict=True))
        )
        for o in bad[:SHOWN]
        if (f := o.failure) is not None
    ]
    return dg.MetadataValue.table(records=records, schema=schema)
