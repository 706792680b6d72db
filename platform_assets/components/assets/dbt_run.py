"""One execution of a step of dbt models: ask upstream, run, test, and give each partition its verdict.

All models are built and audited for all partitions that nothing upstream blocks; how dbt is called for it is in
``dbt_building``. Partitions are marked as pending in the ledger before dbt writes, so that nobody reads them if this
process dies. What is reported to Dagster is made in ``dbt``.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from platform_assets.components.assets.dbt_building import NOT_RUN, Blocked, build_models, misconfigured
from platform_assets.components.assets.dbt_calls import DbtCalls
from platform_assets.components.assets.dbt_samples import failing_rows
from platform_assets.components.assets.dbt_step import DbtStep, refuse_other_tables
from platform_assets.components.assets.upstream import Verdicts, refusals
from platform_assets.components.reporting.dbt_metadata import LINEAGE_FOLDER, model_columns, table_metadata
from platform_assets.components.reporting.outcomes import Outcome, rejected
from platform_assets.contracts.severity import Severity
from platform_assets.dbt.attribution import TestVerdict, attribute, needs_judging
from platform_assets.dbt.graph import ModelGraph, TestNode
from platform_assets.dbt.harmless import Sample
from platform_assets.dbt.invocation import NodeResult
from platform_assets.dbt.supported import full_refresh_asked_for, sample_asked_for
from platform_assets.failures import Failure, Kind, for_log
from platform_assets.logs import logger
from platform_assets.platform_resource import PlatformResource
from platform_assets.publishing.in_place import KEPT_CHECK, BuiltModel, open_candidates, record_verdicts
from platform_assets.publishing.verdicts import CheckResult, Verdict
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.protocol import PARTITION, ColumnDef, Session

log = logger(__name__)

UPSTREAM_CHECK = "upstream_published"
"""The check in the ledger of a partition that was blocked because of something upstream."""


class DbtRun:
    """One execution: what is blocked so far, and what dbt and the ledger have said."""

    def __init__(self, step: DbtStep, context: dg.AssetExecutionContext, graph: ModelGraph, keys: list[str]) -> None:
        self.step, self.context, self.graph, self.keys = step, context, graph, keys
        self.platform: PlatformResource = context.resources.platform
        self.warehouse = self.platform.warehouse.open()
        self.calls = DbtCalls(step, self.warehouse, context.run.run_id)
        self.blocked: Blocked = {}
        self.refused: Blocked = {}
        self.wanted: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}
        self.compiled: dict[str, str] = {}
        self.test_results: dict[str, NodeResult] = {}
        self.columns: dict[str, tuple[ColumnDef, ...]] = {}
        self.tested: dict[str, Any] | None = None
        self.failed_tests: list[TestVerdict] = []
        self.samples: dict[str, Sample] = {}
        self.verdicts: dict[tuple[str, str], Verdict] = {}

    @property
    def built(self) -> list[str]:
        """The models that have a partition to build, parents first."""
        return [model for model in self.graph.order if self.wanted[model]]

    def _to_build(self, session: Session) -> dict[str, list[str]]:
        """The partitions to be built, by asset: those that nothing upstream of the step blocks."""
        self.refused = self._refused_upstream(session)
        self.blocked = self.graph.blocked_with(self.refused)
        self.wanted = {m: [key for key in self.keys if key not in self.blocked[m]] for m in self.graph.order}
        return {self._asset(model): self.wanted[model] for model in self.built}

    def _refused_upstream(self, session: Session) -> Blocked:
        blocked: Blocked = {}
        asked = Verdicts(session, self.context.run.run_id)
        for model in self.graph.order:
            for parent in self.graph.parents[model]:
                if parent not in self.graph.order:
                    found = refusals(
                        self.context,
                        asked,
                        reader=self.step.asset_keys[model],
                        upstream=self.step.upstream[parent],
                        partitions=self.keys,
                    )
                    blocked[model] = {**found, **blocked.get(model, {})}
        return blocked

    def build_and_test(self) -> None:
        """Ask upstream, mark pending, build, test, record.

        What ends it after they are marked leaves the partitions pending, which closes them.

        Raises:
            DbtFailed: if dbt, or the machine under it, failed; nothing can be said of the models then.
            DbtParseError: if dbt cannot parse the project; no partition is closed by that.
            dg.Failure: if dbt is asked to replace whole tables, which loses the partitions that are not built.
        """
        if self.step.partitions is not None and (variable := full_refresh_asked_for(os.environ)):
            raise dg.Failure(
                f"{variable} is set: dbt would replace each table by the partitions of this run and lose all others. "
                "Nothing was changed. Unset it; to build everything anew, materialize all partitions.",
                allow_retries=False,
            )
        if variable := sample_asked_for(os.environ):
            raise dg.Failure(
                f"{variable} is set: dbt would build models from a part of their rows, and publish that. Nothing was "
                "changed. Unset it.",
                allow_retries=False,
            )
        refuse_other_tables(self.step, self.calls.parsed, self.graph.order)
        log.debug("dbt project in state %s", self.calls.parsed.identity)
        with open_candidates(self.warehouse, partitions=self._to_build, run_id=self.context.run.run_id) as opened:
            if not self.built:
                return
            self._test_models(build_models(self))
            for verdict in record_verdicts(self.warehouse, opened, self._as_built):
                self.verdicts[(verdict.asset, verdict.partition)] = verdict
        storing = [t.unique_id for t in self.graph.tests if t.stores_failures and t.unique_id in self.test_results]
        self.calls.store_failures(storing, self.tested, self.keys)

    def _as_built(self, session: Session) -> dict[str, BuiltModel]:
        # while dbt ran, somebody may have begun to overwrite what it read
        self.block(self._refused_upstream(session))
        try:
            self.columns = model_columns(session, self.step.about, self.compiled, self.graph.parents)
        except WarehouseError as error:
            # what is only to be looked at fails nothing
            log.warning("no columns in the metadata: %s", for_log(error))
        return {self._asset(model): self._built(model) for model in self.built}

    def ran(self, result: NodeResult) -> None:
        """Note how a model was built."""
        self.seconds[result.unique_id] = self.seconds.get(result.unique_id, 0.0) + result.seconds
        if result.compiled_sql:
            self.compiled[result.unique_id] = result.compiled_sql

    def wanted_still(self, model: str) -> list[str]:
        """The partitions of a model that are to be built and not blocked so far."""
        return [key for key in self.wanted[model] if key not in self.blocked[model]]

    def _test_models(self, models: Sequence[str]) -> None:
        alive = {model for model in models if any(key not in self.blocked[model] for key in self.wanted[model])}
        tests = [test for test in self.graph.tests if set(test.models) <= alive]
        untested: Blocked = {}
        for test in self.graph.tests:
            if test.blocks and not set(test.models) <= alive:
                for model in alive.intersection(test.models):
                    untested[model] = dict.fromkeys(
                        self.keys, misconfigured(test.name, f"{test.name}: not run, one of its models was not built")
                    )
        self.block(untested)
        self.tested = self._partitions()
        left = [test.unique_id for test in tests if test.unique_id not in self.test_results]
        if left:
            self.test_results |= {result.unique_id: result for result in self.dbt("test", left)}
        not_run: Blocked = {}
        for test in tests:
            if test.blocks and test.unique_id not in self.test_results:
                for model in test.models:
                    not_run[model] = dict.fromkeys(self.keys, misconfigured(test.name, f"{test.name}: {NOT_RUN}"))
        self.block(not_run)
        results = list(self.test_results.values())
        if not any(map(needs_judging, results)):
            return
        with self.warehouse.session(read_only=True, purpose="finding the partitions that failed a test") as session:
            self.failed_tests = attribute(session, tests, results, self._judged_by)
        self.samples = failing_rows(self.calls, self.test_results, self.failed_tests, self.compiled, self.tested)
        failed: Blocked = {}
        for verdict in self.failed_tests:
            reasons = {
                key: why for key in self.keys if verdict.holds(key) and (why := verdict.failure(key)) is not None
            }
            for model in verdict.test.models:
                failed[model] = {**reasons, **failed.get(model, {})}
        self.block(failed)

    def _judged_by(self, test: TestNode) -> list[str] | None:
        """The partitions that a test was run for; None where the models have none."""
        if self.step.partitions is None:
            return None
        still = {key for model in test.models for key in self.wanted_still(model)}
        return [key for key in self.keys if key in still]

    def block(self, more: Blocked) -> None:
        merged = {model: {**more.get(model, {}), **self.blocked.get(model, {})} for model in self.graph.order}
        self.blocked = self.graph.blocked_with(merged)

    def dbt(self, command: str, nodes: Sequence[str], only: list[str] | None = None) -> list[NodeResult]:
        """Run dbt over some nodes, for the partitions of each that are not blocked, or for ``only`` these."""
        still = {model: self.wanted_still(model) for model in self.wanted}
        partitions = self._partitions()
        if partitions is not None and only is not None:
            partitions["by_node"] = dict.fromkeys(nodes, only)
        any_of_them = {key for keys in still.values() for key in keys}
        span = sorted(only if only is not None else {key for node in nodes for key in still.get(node, any_of_them)})
        return self.calls.call(command, nodes, partitions, span)

    def _partitions(self) -> dict[str, Any] | None:
        """The value of `platform_partitions`: of each node the partitions that are not blocked so far."""
        if self.step.partitions is None:
            return None
        still = {model: self.wanted_still(model) for model in self.wanted}
        fewer = {model: keys for model, keys in still.items() if len(keys) < len(self.keys)}
        return {"default": self.keys, "by_node": fewer}

    def _built(self, model: str) -> BuiltModel:
        checks: dict[str, list[CheckResult]] = {}
        for partition in self.wanted[model]:
            found = [
                _failed(v.test.name, Severity.ERROR if v.holds(partition) else Severity.WARNING, why)
                for v in self.failed_tests
                if model in v.test.models and (why := v.failure(partition)) is not None
            ]
            why = self.blocked[model].get(partition)
            if why is not None and not any(check.blocks for check in found):
                found.append(_failed(UPSTREAM_CHECK, Severity.ERROR, why))
            checks[partition] = found
        column = PARTITION if self.step.partitions is not None else None
        return BuiltModel(self.step.about.tables[model], column, checks)

    def outcome(self, model: str, partition: str) -> Outcome:
        """What became of one partition of one model."""
        failure = self.blocked[model].get(partition)
        verdict = self.verdicts.get((self._asset(model), partition))
        if failure is not None or verdict is None:
            above = failure is not None and (
                failure.message.startswith("upstream ") or partition in self.refused.get(model, {})
            )
            return Outcome(
                partition, failure=failure or Failure(Kind.BUG, "not_built", "it was not built"), of_upstream=above
            )
        if not verdict.published:
            return Outcome(partition, failure=verdict.failure)
        seconds = self.seconds.get(model, 0.0) / max(1, len(self.wanted[model]))
        return Outcome(
            partition,
            verdict.hash,
            metadata={"dagster/row_count": verdict.rows, "seconds": round(seconds, 4)},
        )

    def describe(self, outcomes: Mapping[str, list[Outcome]]) -> None:
        """Add columns and their lineage to the newest good outcome of each model that was built."""
        newest = {
            m: max((i for i, o in enumerate(found) if o.failure is None), default=None) for m, found in outcomes.items()
        }
        compiled = {model: sql for model, sql in self.compiled.items() if newest.get(model) is not None}
        if not compiled or not self.columns:
            return
        try:
            found = table_metadata(
                self.step.about,
                self.columns,
                compiled=compiled,
                parents=self.graph.parents,
                cache=self.step.files.target_path / LINEAGE_FOLDER,
                state=self.calls.parsed.identity,
            )
        except Exception as error:
            # the verdicts are recorded by now: what is only to be looked at fails nothing
            log.warning("no columns in the metadata: %s", for_log(error))
            return
        for model, metadata in found.items():
            index = newest[model]
            assert index is not None
            outcomes[model][index] = outcomes[model][index].with_metadata(metadata)

    def report_lost(self) -> None:
        """Fail the step if partitions that this run did not build have lost their rows.

        Raises:
            dg.Failure: naming each such partition, once everything else has been reported.
        """
        lost = [verdict for verdict in self.verdicts.values() if verdict.check == KEPT_CHECK]
        for key in sorted({verdict.asset for verdict in lost}):
            bad = [Outcome(verdict.partition, failure=verdict.failure) for verdict in lost if verdict.asset == key]
            raise rejected(self.context, dg.AssetKey.from_user_string(key), bad, len(bad))

    def _asset(self, model: str) -> str:
        return self.step.asset_keys[model].to_user_string()


def _failed(name: str, severity: Severity, failure: Failure) -> CheckResult:
    return CheckResult(name, severity, passed=False, message=failure.message, kind=failure.kind)
