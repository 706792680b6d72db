"""Each kind of node, test and severity: what is built and held for a day, a range, and a range with a hole."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from platform_assets.publishing.readers import ledger_history
from tests.support.node_kinds import BAD, CELLS, HOLE, Cell, deliver_kinds, of_days, write_kinds
from tests.support.projects import Project, opened
from tests.support.shop import DAYS

pytestmark = pytest.mark.slow

RANGES = {
    "a good day": (DAYS[0], DAYS[0]),
    "a bad day": (BAD, BAD),
    "a range": (DAYS[0], BAD),
    "a range with a hole": (DAYS[0], DAYS[-1]),
}


@pytest.fixture(name="project", scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("kinds") / "shop"
    write_kinds(root)
    with opened(root) as project:
        deliver_kinds(project)
        yield project


def published(project: Project, asset: str, partition: str | None) -> bool:
    key = {} if partition is None else {"partition": partition}
    verdicts = ledger_history(project.warehouse, asset=asset, limit=1, **key)
    return bool(verdicts) and verdicts[0].published


def test_a_whole_node_is_published_unless_a_test_of_severity_error_fails(project: Project) -> None:
    found = {cell.node: published(project, cell.node, None) for cell in CELLS if cell.is_whole}
    assert found == {cell.node: cell.severity == "warn" for cell in CELLS if cell.is_whole}


@pytest.fixture(name="ran", scope="module", params=RANGES)
def _ran(
    request: pytest.FixtureRequest, project: Project
) -> tuple[Project, list[str], dg.ExecuteInProcessResult, dict[str, set[str]]]:
    first, last = RANGES[request.param]
    days = [day for day in DAYS if first <= day <= last and day != HOLE]
    result = project.run(of_days(), first, last)
    built: dict[str, set[str]] = {}
    for event in result.get_asset_materialization_events():
        if event.partition:
            built.setdefault(event.asset_key.to_user_string(), set()).add(event.partition)
    return project, days, result, built


Ran = tuple[Project, list[str], dg.ExecuteInProcessResult, dict[str, set[str]]]


def test_readers_are_published_for_the_days_that_are_not_held(ran: Ran) -> None:
    project, days, _, built = ran
    for cell in CELLS:
        good = set(days) - cell.reader_held(days)
        assert {day for day in days if published(project, cell.reader, day)} == good, cell.name
        assert built.get(cell.reader, set()) == good, cell.name


def test_models_by_day_are_held_by_their_own_tests(ran: Ran) -> None:
    project, days, _, built = ran
    for cell in CELLS:
        names = [cell.node] if cell.kind == "by_day" else []
        names += [cell.other] if cell.test == "several" and not cell.is_whole else []
        for name in names:
            assert built.get(name, set()) == set(days) - cell.held(days), name
            assert {day for day in days if not published(project, name, day)} == cell.held(days), name


def expected(cell: Cell, days: list[str]) -> tuple[bool, dg.AssetCheckSeverity]:
    failed = bool(cell.failing(days))
    return not failed, dg.AssetCheckSeverity.ERROR if cell.severity == "error" else dg.AssetCheckSeverity.WARN


def test_checks_of_nodes_by_day_say_what_failed(ran: Ran) -> None:
    _, days, result, _ = ran
    found = {(e.asset_key.to_user_string(), e.check_name): e for e in result.get_asset_check_evaluations()}
    for cell in CELLS:
        if not cell.is_whole:
            evaluation = found[cell.tested, cell.check]
            passed, severity = expected(cell, days)
            assert evaluation.passed == passed, cell.name
            if not passed:
                assert evaluation.severity is severity, cell.name
                if cell.test not in ("counted", "unit"):
                    problems = evaluation.metadata["problems"].value.records
                    assert [record.data["partition"] for record in problems] == [BAD], cell.name
    assert result.success != any(cell.held(days) or cell.reader_held(days) for cell in CELLS)
