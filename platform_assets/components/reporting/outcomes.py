"""One run over many partitions, and the truth for each: how a step reports partitions that came out differently.

A step yields one `AssetMaterialization` for each good partition and then an Output that Dagster does not take for
a materialization of the whole range; steps downstream go on with the good ones. The verdict check beside it then ends
the run as failed if any partition was bad: in the grid that partition alone is red.
What a partition's outcome *is* gets decided in the rooms below; here it is only reported to Dagster.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg

from platform_assets._compat import NOT_A_MATERIALIZATION, ReexecutionStrategy
from platform_assets.failures import Failure, Kind
from platform_assets.feeds import run_tags
from platform_assets.lake.deliveries import SNAPSHOT, dagster_partition

VERDICT = "verdict"
"""Name of the check that every asset of the platform has: no partition of the run was rejected."""

LEFT_OUT = "left_out"
"""Metadata of a step's output: the partitions that were left out, the first of them with their problems."""

SHOWN = 50
"""Problems that are reported in words; metadata of a run with thousands of bad partitions stays small."""


@dataclass(frozen=True)
class Outcome:
    """What became of one partition of one asset. ``failure`` is None for a good one.

    ``again`` says that another try within the same run can mend the failure.
    """

    partition: str
    data_version: str | None = None
    failure: Failure | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    unchanged: bool = False
    again: bool = False

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


def report(
    context: dg.AssetExecutionContext,
    assets: Sequence[AssetOutcomes],
    checks: Mapping[dg.AssetKey, Sequence[dg.AssetCheckResult]] | None = None,
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckResult | dg.Output[None]]:
    """The events of a step: for each asset its good partitions, its Output and its check results.

    Raises:
        dg.Failure: before anything downstream can run, if no partition of any asset is good; after the events, if
            some are bad and the verdict check that would report it is not part of the run.
    """
    hopeless = all(len(asset.bad) == len(asset.outcomes) for asset in assets)
    if not hopeless:
        for asset in assets:
            for outcome in asset.outcomes:
                if outcome.failure is None:
                    yield _materialization(asset.key, outcome)
            left_out = {o.partition: _brief(o.failure, index) for index, o in enumerate(asset.bad) if o.failure}
            metadata = {**NOT_A_MATERIALIZATION, **({LEFT_OUT: dg.MetadataValue.json(left_out)} if left_out else {})}
            yield dg.Output(None, output_name=asset.output_name, metadata=metadata)
    for results in (checks or {}).values():
        yield from results
    for asset in assets:
        if asset.bad and (hopeless or not _verdict_follows(context, asset.key)):
            raise rejected(context, asset.key, asset.bad, len(asset.outcomes))


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
    retryable = any(outcome.failure is not None and outcome.failure.retryable for outcome in bad)
    run = context.run if isinstance(context, dg.AssetExecutionContext) else context.op_execution_context.run
    _tag_for_run_retries(context.instance, run.run_id, retryable=retryable)
    name = key.to_user_string()
    lines = "\n".join(f"  {outcome.partition}: {outcome.problem}" for outcome in bad[:SHOWN])
    more = f"\n  and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
    return dg.Failure(
        description=f"{name}: {len(bad)} of {total} partitions not published\n{lines}{more}",
        metadata={"asset": name, "partitions": problems_table(bad), **_kinds(bad)},
        allow_retries=retryable,
    )


def _tag_for_run_retries(instance: dg.DagsterInstance, run_id: str, *, retryable: bool) -> None:
    """Say on the run whether run retries may start it again; one failure of it that a retry can mend is enough."""
    stored = instance.get_run_by_id(run_id)
    tags = stored.tags if stored is not None else {}
    if retryable:
        # from the failure on, only the verdict check would run again; what is published already is left as it is
        more = {run_tags.RETRY_STRATEGY: ReexecutionStrategy.ALL_STEPS.value}
        if tags.get(run_tags.MAX_RETRIES) == "0":
            more[run_tags.MAX_RETRIES] = str(instance.run_retries_max_retries)
        instance.add_run_tags(run_id, more)
    elif tags.get(run_tags.RETRY_STRATEGY) != ReexecutionStrategy.ALL_STEPS.value:
        # run_retries does not look at allow_retries: without the tag the whole range would run again
        instance.add_run_tags(run_id, {run_tags.MAX_RETRIES: "0"})


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
