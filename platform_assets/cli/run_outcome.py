"""What became of the assets of a run, by asset: rows, quarantined rows, published partitions, seconds, and why not.

It is read from the run's own events, so it holds for any asset: one of the platform says of each partition what became
of it, another one only that its step succeeded or failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from platform_assets.cli.run_plan import PlannedRun, shown_range
from platform_assets.components.reporting.outcomes import LEFT_OUT, output_name
from platform_assets.failures import Failure, Kind
from platform_assets.lake.deliveries import SNAPSHOT

LONGEST = 400
"""Letters of a problem that are shown; the run's log has the rest."""


@dataclass
class AssetResult:
    """One asset: ``rows`` and ``quarantined`` are sums over what was published, None where nothing says them.

    ``problems`` holds a failure for each partition that is not published (:data:`SNAPSHOT` for an asset without
    partitions), ``canceled`` those that a canceled run had not come to; ``seconds`` is how long its steps took.
    """

    asset: str
    partitions: list[str] = field(default_factory=list)
    published: set[str] = field(default_factory=set)
    rows: int | None = None
    quarantined: int | None = None
    seconds: float = 0.0
    problems: dict[str, Failure] = field(default_factory=dict)
    canceled: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.problems or self.canceled or self.failed_checks)

    @property
    def total(self) -> int:
        return max(len(self.partitions), 1)

    def reasons(self) -> Iterator[str]:
        """Why partitions are not published, adjoining ones with the same failure in one line."""
        groups: list[list[str]] = []
        for key in self.partitions or [SNAPSHOT]:
            failure = self.problems.get(key)
            if failure is None:
                groups.append([])
            elif groups and groups[-1] and _alike(self.problems[groups[-1][-1]], failure):
                groups[-1].append(key)
            else:
                groups.append([key])
        for group in filter(None, groups):
            failure = self.problems[group[0]]
            where = f"{shown_range(group)}: " if self.partitions else ""
            more = f" (and {len(group) - 1} more of that kind)" if len(group) > 1 else ""
            yield f"{where}{failure.kind.value}: {one_line(failure.message or failure.code)}{more}"
        if self.canceled:
            yield f"{shown_range(self.canceled)}: canceled" if self.partitions else "canceled"
        if self.failed_checks:
            yield f"failed checks: {', '.join(dict.fromkeys(self.failed_checks))}"


def _alike(one: Failure, other: Failure) -> bool:
    return (one.kind, one.code) == (other.kind, other.code)


def one_line(text: str) -> str:
    """The text without line breaks, cut to what a table can hold."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]} ..."


def read_events(
    job: dg.JobDefinition,
    run: PlannedRun,
    events: Sequence[dg.DagsterEvent],
    seconds: Mapping[str, float],
    *,
    interrupted: bool,
) -> dict[dg.AssetKey, AssetResult]:
    """What one run did to each of its assets; ``seconds`` are those of its steps."""
    graph = job.asset_layer.asset_graph
    steps = {key: graph.get(key).assets_def.node_def.name for key in run.keys}
    results = {key: _empty(graph, key, run) for key in run.keys}
    failed_steps: dict[str, dict[str, Failure]] = {}
    outputs = {output_name(key): key for key in run.keys}
    for event in events:
        if event.is_step_failure:
            failed_steps[_op(event)] = _of_step(event)
        elif event.event_type is dg.DagsterEventType.STEP_OUTPUT and event.step_output_data.output_name in outputs:
            left_out: Any = event.step_output_data.metadata.get(LEFT_OUT)
            for partition, given in (left_out.value if left_out is not None else {}).items():
                results[outputs[event.step_output_data.output_name]].problems[partition] = Failure.from_dict(given)
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key in results:
            _add(results[event.asset_key], event.step_materialization_data.materialization)
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            is_blocking = not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
            if is_blocking and check.asset_key in results:
                results[check.asset_key].failed_checks.append(check.check_name)
    for key, result in results.items():
        result.seconds = sum(took for step, took in seconds.items() if step.split(".")[0] == steps[key])
        _explain(result, failed_steps.get(steps[key]), interrupted=interrupted)
        if result.problems or interrupted:
            # the check `verdict` fails for each partition that was left out, of which there is a line
            result.failed_checks.clear()
    if all(result.is_good for result in results.values()):
        _explain_checks(results, failed_steps, set(steps.values()))
    return results


def _empty(graph: Any, key: dg.AssetKey, run: PlannedRun) -> AssetResult:
    cut = graph.get(key).partitions_def is not None
    return AssetResult(key.to_user_string(), list(run.partitions) if cut else [])


def _add(result: AssetResult, made: dg.AssetMaterialization) -> None:
    result.published.add(made.partition if made.partition is not None and result.partitions else SNAPSHOT)
    for name, attribute in (("dagster/row_count", "rows"), ("rows_quarantined", "quarantined")):
        found = made.metadata.get(name)
        if found is not None and isinstance(found.value, int):
            setattr(result, attribute, (getattr(result, attribute) or 0) + found.value)


def _op(event: dg.DagsterEvent) -> str:
    return (event.step_key or "").split(".")[0].split("[")[0]


def _of_step(event: dg.DagsterEvent) -> dict[str, Failure]:
    """Why a step failed: by partition where it says so, else under the empty key."""
    data = event.step_failure_data
    table = data.user_failure_data.metadata.get("partitions") if data.user_failure_data is not None else None
    found: dict[str, Failure] = {}
    if isinstance(table, dg.TableMetadataValue):
        for record in table.records:
            given = {name: str(record.data[name]) for name in ("kind", "code")}
            found[str(record.data["partition"])] = Failure.from_dict({**given, "message": str(record.data["problem"])})
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    text = error.message if error is not None else event.message or "it failed, and Dagster has no error of it"
    found[""] = Failure(Kind.BUG, "step", one_line(text))
    return found


def _explain(result: AssetResult, failures: Mapping[str, Failure] | None, *, interrupted: bool) -> None:
    """Give each partition that is not published a failure."""
    for key in result.partitions or [SNAPSHOT]:
        if key in result.published or key in result.problems:
            continue
        if interrupted:
            result.canceled.append(key)
        elif failures is not None:
            result.problems[key] = failures.get(key) or failures[""]
        else:
            result.problems[key] = Failure(Kind.NOT_DELIVERED, "not_run", "it was not run: what it needs failed before")


def _explain_checks(
    results: Mapping[dg.AssetKey, AssetResult], failures: Mapping[str, Mapping[str, Failure]], steps: set[str]
) -> None:
    """Name the checks that are steps of their own and could not be carried out."""
    for step in failures.keys() - steps:
        fit = [key for key in results if step.startswith(key.to_python_identifier())]
        results[fit[0] if fit else next(iter(results))].failed_checks.append(step)


def merged(results: Sequence[Mapping[dg.AssetKey, AssetResult]]) -> list[AssetResult]:
    """The results of several runs, an asset once."""
    found: dict[dg.AssetKey, AssetResult] = {}
    for of_run in results:
        for key, result in of_run.items():
            if key not in found:
                found[key] = result
                continue
            whole = found[key]
            whole.partitions += result.partitions
            whole.published |= result.published
            whole.problems |= result.problems
            whole.canceled += result.canceled
            whole.failed_checks += result.failed_checks
            whole.seconds += result.seconds
            for name in ("rows", "quarantined"):
                parts = [value for value in (getattr(whole, name), getattr(result, name)) if value is not None]
                setattr(whole, name, sum(parts) if parts else None)
    return list(found.values())
