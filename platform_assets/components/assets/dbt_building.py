"""The models of a step, built: what fails as a whole is built without the partitions at fault.

The first call of dbt is a `dbt build` of models and data tests, since a second one costs a run of a day as much as its
models do. Where it skips models, because one failed or a day of it did not pass its tests, they are built by `dbt run`
all the same: one bad day of one model must not stop what is behind it for the whole range. The other tests, the
verdicts and what is reported of them are in ``dbt_run``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import dagster as dg

from platform_assets.components.assets.dbt_step import DbtStep
from platform_assets.dbt.graph import ModelGraph, is_model
from platform_assets.dbt.invocation import NodeResult
from platform_assets.failures import Failure, Kind
from platform_assets.logs import logger

log = logger(__name__)

PIECES = 60
"""How often a model that fails as a whole is run for a part of its partitions, to find those at fault."""

NOT_RUN = "dbt did not run it, though it was asked to; load the definitions again if the project has changed"

Blocked = dict[str, dict[str, Failure]]
"""Model -> partition -> why it is blocked."""


class Building(Protocol):
    """The part of an execution that building needs: what is to be built, what is blocked, and dbt itself."""

    step: DbtStep
    context: dg.AssetExecutionContext
    test_results: dict[str, NodeResult]
    graph: ModelGraph
    keys: list[str]

    @property
    def built(self) -> list[str]: ...
    def dbt(self, command: str, nodes: Sequence[str], only: list[str] | None = None) -> list[NodeResult]: ...
    def ran(self, result: NodeResult) -> None: ...
    def wanted_still(self, model: str) -> list[str]: ...
    def block(self, more: Blocked) -> None: ...


def build_models(run: Building) -> list[str]:
    """Build the models, those that fail as a whole without the partitions at fault; returns those that were built.

    Results of the tests that were run on the way are in ``run.test_results``. A model whose failure depends on its
    rows is run for each half of its partitions, down to the one at fault. What dbt skipped because of it is run
    afterwards, for the partitions that are left.
    """
    built: list[str] = []
    left = run.built
    tests = _tests_on_the_way(run)
    while left:
        # `dbt run` knows neither seeds nor snapshots
        only_models = not tests and all(is_model(node) for node in left)
        found = run.dbt("run", left) if only_models else run.dbt("build", [*left, *tests])
        results = {result.unique_id: result for result in found}
        ended = {test: results[test] for test in tests if test in results and results[test].status != "skipped"}
        run.test_results |= ended
        skipped: list[str] = []
        # a test that did not pass is why models behind it were skipped
        news = any(result.is_bad for result in ended.values())
        tests = []
        for model in left:
            result = results.get(model)
            if result is None:
                _block_all(run, model, misconfigured("dbt:not_run", f"dbt run: {NOT_RUN}"))
            elif not result.is_bad:
                run.ran(result)
                built.append(model)
            elif result.status == "skipped":
                skipped.append(model)
            elif _run_apart(run, result):
                built.append(model)
                news = True
        # where no model was built after all, what is behind the failed ones stays blocked by them
        left = [model for model in skipped if run.wanted_still(model)] if news else []
    for model in run.built:
        if model not in built and run.wanted_still(model):
            # skipped for something that is no failure of the models here: its rows are those of before
            _block_all(run, model, misconfigured("dbt:not_run", "dbt run: dbt skipped it and says of no model why"))
    return [model for model in run.graph.order if model in built]


def _tests_on_the_way(run: Building) -> list[str]:
    """The tests that a `dbt build` may run: those on models of the step alone.

    Unit tests need the tables of their models, which `dbt build` has not made yet the first time. Tests on sources
    are about the partitions of the models that read them, and hold back nothing else.
    """
    built = set(run.built)
    return [
        test.unique_id
        for test in run.graph.tests
        if not test.is_unit_test and not test.on_sources and set(test.models) <= built
    ]


def misconfigured(code: str, message: str) -> Failure:
    """A failure of the models or tests as they are written."""
    return Failure(Kind.MISCONFIGURED, code, message)


def _run_apart(run: Building, failed: NodeResult) -> bool:
    """Build a model that failed as a whole without the partitions at fault; False if all of them are blocked."""
    model, keys = failed.unique_id, run.wanted_still(failed.unique_id)
    failure = misconfigured("dbt:run", f"dbt run: {_message(failed)}")
    if run.step.partitions is None or len(keys) < 2 or _run_one(run, model, []) is not None:
        # it fails for no partition at all, too: no row brings that about
        _block_all(run, model, failure)
        return False
    log.info("%s failed as a whole: looking for the partitions that bring it about", model)
    at_fault: dict[str, Failure] = {}
    pieces = [keys[: len(keys) // 2], keys[len(keys) // 2 :]]
    for _ in range(PIECES):
        if not pieces:
            break
        piece = pieces.pop()
        message = _run_one(run, model, piece)
        if message is not None and len(piece) == 1:
            at_fault[piece[0]] = Failure(Kind.REJECTED, "dbt:run", f"dbt run: {message}")
        elif message is not None:
            pieces += [piece[: len(piece) // 2], piece[len(piece) // 2 :]]
    # so many of them are at fault that the search was given up
    at_fault |= {key: failure for piece in pieces for key in piece}
    run.block({model: at_fault})
    return len(at_fault) < len(keys)


def _run_one(run: Building, model: str, keys: list[str]) -> str | None:
    """Build one model for some partitions; what dbt says if it fails."""
    results = run.dbt("run", [model], only=keys)
    if not results:
        return NOT_RUN
    if results[0].is_bad:
        return _message(results[0])
    run.ran(results[0])
    return None


def _message(result: NodeResult) -> str:
    return " ".join(result.message.split()) or result.status


def _block_all(run: Building, model: str, failure: Failure) -> None:
    run.block({model: dict.fromkeys(run.keys, failure)})
