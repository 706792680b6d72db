"""Thresholds of dbt's tests, judged partition by partition: a range has the verdicts of its days one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import dagster as dg
import pytest

from platform_assets.publishing.readers import ledger_history
from tests.support.judged import ALL, CASES, LOST, deliver_judged, model, write_judged
from tests.support.projects import Project, opened
from tests.support.shop import DAYS, deliver, good_rows, write_dbt

pytestmark = pytest.mark.slow

SELECTED = "key:*/orders or " + " or ".join(f"key:{model(name)}" for name in CASES)
MODELS = " or ".join(f"key:{model(name)}" for name in CASES)
Found = dict[str, dict[str, str]]
"""By case: the state of each day in the ledger."""


def states(project: Project) -> Found:
    return {
        name: {
            day: ledger_history(project.warehouse, asset=model(name), partition=day, limit=1)[0].state.value
            for day in LOST
        }
        for name in CASES
    }


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {
        e.check_name.removeprefix("t_"): e for e in result.get_asset_check_evaluations() if e.check_name[:2] == "t_"
    }


@pytest.fixture(name="judged", scope="module")
def _judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, dg.ExecuteInProcessResult]]:
    root = tmp_path_factory.mktemp("judged") / "shop"
    write_judged(root)
    with opened(root) as project:
        deliver_judged(project)
        yield project, project.run(SELECTED, DAYS[0], DAYS[-1])


def test_a_range_holds_the_days_that_pass_their_threshold(
    judged: tuple[Project, dg.ExecuteInProcessResult],
) -> None:
    found = states(judged[0])
    held = {name: {day for day, state in days.items() if state == "rejected"} for name, days in found.items()}
    assert held == {name: set(case.held) for name, case in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_check_says_which_days_fail_and_how(judged: tuple[Project, dg.ExecuteInProcessResult], name: str) -> None:
    case, evaluation = CASES[name], evaluations(judged[1])[name]
    told = case.held | case.warned
    assert evaluation.passed == (not told)
    if told:
        expected = dg.AssetCheckSeverity.ERROR if case.held else dg.AssetCheckSeverity.WARN
        assert evaluation.severity is expected
    if case.of_the_range:
        assert evaluation.metadata["message"].value
    elif told:
        records = evaluation.metadata["problems"].value.records
        assert {r.data["partition"]: r.data["failing_rows"] for r in records} == {
            day: 1 if name == "where" else LOST[day] for day in told
        }
        assert ("configured to" in str(records[-1].data["message"])) == bool(case.config.keys() - {"where"})


def test_days_one_by_one_have_the_verdicts_of_the_range(judged: tuple[Project, dg.ExecuteInProcessResult]) -> None:
    project, _ = judged
    of_range = states(project)
    for day in sorted(ALL):
        found = evaluations(project.run(MODELS, day))
        for name, case in CASES.items():
            if not case.of_the_range:
                assert found[name].passed == (day not in case.held | case.warned), (name, day)
    of_days = states(project)
    assert {n: s for n, s in of_days.items() if not CASES[n].of_the_range} == {
        n: s for n, s in of_range.items() if not CASES[n].of_the_range
    }


def test_every_case_has_a_check(judged: tuple[Project, dg.ExecuteInProcessResult]) -> None:
    assert evaluations(judged[1]).keys() == CASES.keys()


RATES = "_partition,rate\n2024-01-01,1\n2024-01-02,\n2024-01-03,\n"


@pytest.mark.parametrize(
    ("error_if", "good", "severity"), [("!= 0", False, "ERROR"), (">1", False, "ERROR"), (">2", True, "WARN")]
)
def test_a_table_without_partitions_is_judged_as_a_whole_whatever_its_columns(
    shop: Project, error_if: str, good: bool, severity: str
) -> None:
    config = json.dumps({"not_null": {"name": "t_rate", "config": {"error_if": error_if}}})
    seeds = f"seeds: [{{name: rates, columns: [{{name: rate, data_tests: [{config}]}}]}}]\n"
    write_dbt(shop.root, {"seeds/rates.csv": RATES, "models/rates.yml": seeds})
    result = shop.run("key:rates")
    assert result.success == good
    found = evaluations(result)["rate"]
    assert (found.passed, found.severity.value) == (False, severity)
    (verdict,) = ledger_history(shop.warehouse, asset="rates")[:1]
    assert verdict.published == good


def test_warnings_that_dbt_lets_fail_hold_their_days(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_WARN_ERROR_OPTIONS", '{"error": ["LogTestResult"]}')
    text = "{{ config(error_if='>5') }} select * from {{ ref('cleaned') }} where amount = 5"
    write_dbt(shop.root, {"tests/t_few.sql": text})
    deliver(shop, {DAYS[2]: [*good_rows(DAYS[2]), ["399", "ann", "open", "5"]]})
    assert not shop.run("key:*/orders or key:cleaned", DAYS[0], DAYS[-1]).success
    assert shop.materialized("cleaned") == set(DAYS) - {DAYS[2]}
