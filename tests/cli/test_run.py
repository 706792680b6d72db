"""`platform-assets run`: a selection over partitions, in as many runs as the assets want, with the truth for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.cli.ctrl_c import Interrupts
from platform_assets.cli.run_execution import Executed, execute
from platform_assets.cli.run_outcome import AssetResult
from platform_assets.cli.run_plan import PlannedRun, RunRefused, Span, plan_runs
from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, FEED

DAYS = '{type: daily, start_date: "2024-01-01", end_date: "2024-01-11"}'
FILES = {
    "orders": ('"orders/%Y-%m-%d.csv"', f"  partitions: {DAYS}\n"),
    "regions": ('"regions/{key}.csv"', "  partitions: {type: static, partition_keys: [south, north]}\n"),
    "shops": ('"shops/{key}.csv"', "  partitions: {type: dynamic, name: shops}\n"),
    "products": ("products.csv", ""),
}
GOOD, BAD, SOME_BAD = "id\n1\n2\n", "id\nx\n", "id\n" + "1\n" * 99 + "x\n"
OWN = """\
import dagster as dg

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-11")


@dg.asset
def settings() -> None: ...


@dg.asset(partitions_def=DAYS, deps=[settings])
def single(context: dg.AssetExecutionContext) -> None:
    if context.partition_key == "2024-01-03":
        raise ValueError("the third is bad")


@dg.asset(partitions_def=DAYS, deps=[single], backfill_policy=dg.BackfillPolicy.multi_run(4))
def several() -> None: ...


@dg.asset(deps=[several])
def report() -> None: ...


@dg.asset_check(asset=settings)
def is_complete() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    files = {"own.py": OWN}
    for name, (pattern, partitions) in FILES.items():
        files[f"{name}/defs.yaml"] = FEED.format(files=pattern) + partitions
        files[f"{name}/contract.yaml"] = CONTRACT.format(
            name=name, columns="      - {name: id, logicalType: integer}\n"
        )
    write_project(tmp_path, files)
    with opened(tmp_path) as project:
        monkeypatch.chdir(tmp_path)
        project.landing.mkdir(parents=True)
        yield project


def put(project: Project, path: str, text: str = GOOD) -> None:
    (project.landing / path).parent.mkdir(exist_ok=True)
    (project.landing / path).write_text(text)


def plan(project: Project, *words: str, **span: str) -> list[PlannedRun]:
    return plan_runs(project.definitions, words, Span(**span), project.instance)


def run(project: Project, *words: str, **span: str) -> Executed:
    return execute(project.definitions, project.instance, plan(project, *words, **span), Interrupts(), lambda _: None)


def by_asset(executed: Executed) -> dict[str, AssetResult]:
    return {result.asset: result for result in executed.results}


@pytest.mark.slow
def test_a_range_is_one_run_and_each_asset_has_its_rows_and_its_reasons(project: Project) -> None:
    for day in (1, 2, 3, 5):
        put(project, f"orders/2024-01-{day:02}.csv", {2: BAD, 3: SOME_BAD}.get(day, GOOD))
    executed = run(project, "lake/orders or raw/orders", first="2024-01-01", last="2024-01-05")
    found = by_asset(executed)
    assert (len(executed.run_ids), executed.is_good) == (1, False)
    lake, raw = found["lake/orders"], found["raw/orders"]
    assert (lake.rows, lake.quarantined, len(lake.published), lake.total) == (103, 1, 3, 5)
    assert (raw.rows, raw.published) == (103, {"2024-01-01", "2024-01-03", "2024-01-05"})
    reasons = list(raw.reasons())
    assert [reason.partition(":")[0] for reason in reasons] == ["2024-01-02", "2024-01-04"]
    assert "rejected" in reasons[0]
    assert "no file has arrived" in reasons[1]
    (made,) = project.instance.get_runs()
    assert made.tags["dagster/asset_partition_range_end"] == "2024-01-05"


def test_all_that_is_good_is_good_and_partitions_are_no_matter_of_those_without(project: Project) -> None:
    put(project, "orders/2024-01-01.csv")
    put(project, "products.csv")
    executed = run(project, "+raw/orders", "+raw/products", partition="2024-01-01")
    assert executed.is_good
    assert {asset: (result.rows, result.total) for asset, result in by_asset(executed).items()} == {
        f"{stage}/{name}": (2, 1) for stage in ("lake", "raw") for name in ("orders", "products")
    }
    (made,) = project.instance.get_runs()
    assert (made.tags["dagster/partition"], made.status) == ("2024-01-01", dg.DagsterRunStatus.SUCCESS)


def test_assets_without_single_runs_get_as_many_runs_as_their_policy_wants(project: Project) -> None:
    runs = plan(project, "several", first="2024-01-01", last="2024-01-10")
    assert [run.partitions[-1] for run in runs] == ["2024-01-04", "2024-01-08", "2024-01-10"]
    runs = plan(project, "settings+", first="2024-01-02", last="2024-01-04")
    assert [([key.to_user_string() for key in run.keys], run.title) for run in runs] == [
        (["settings"], ""),
        *((["single", "several"], f"2024-01-0{day}") for day in (2, 3, 4)),
        (["report"], ""),
    ]


@pytest.mark.slow
def test_a_run_that_fails_keeps_no_other_from_running_and_says_why(project: Project) -> None:
    executed = run(project, "single", "several", "report", first="2024-01-02", last="2024-01-04")
    found = by_asset(executed)
    assert (len(executed.run_ids), executed.is_good) == (4, False)
    assert found["single"].published == {"2024-01-02", "2024-01-04"}
    assert list(found["single"].reasons()) == ["2024-01-03: bug: ValueError: the third is bad"]
    assert list(found["several"].reasons()) == [
        "2024-01-03: not_delivered: it was not run: what it needs failed before"
    ]
    assert found["report"].is_good


def test_a_failed_check_is_no_success(project: Project) -> None:
    found = by_asset(run(project, "settings"))["settings"]
    assert (len(found.published), found.is_good, list(found.reasons())) == (1, False, ["failed checks: is_complete"])


@pytest.mark.parametrize(
    ("words", "span", "message"),
    [
        ("raw/oders", {}, "no asset 'raw/oders'; did you mean 'raw/orders'"),
        ("key:raw/oders", {}, "no asset 'raw/oders'"),
        ("group:shops", {}, "selects no asset; the groups are default, shop"),
        ("((", {}, "is no selection"),
        ("landing/orders", {}, "made elsewhere"),
        ("raw/orders", {}, "raw/orders has partitions .they go from 2024-01-01 to 2024-01-10.: name one"),
        ("raw/orders", {"partition": "2024-02-01"}, "no partition '2024-02-01': they go from"),
        ("raw/orders", {"partition": "2024-01-05...2024-01-02"}, "holds no partition"),
        ("raw/orders", {"first": "2024-01-05", "last": "2024-01-02"}, "holds no partition"),
        ("raw/regions", {"partition": "east"}, "they are south, north"),
        ("raw/shops", {"partition": "berlin"}, "no partition 'berlin': it has none yet"),
        ("raw/products", {"partition": "2024-01-01"}, "no asset with partitions; leave --partition"),
        ("raw/orders or raw/regions", {"partition": "south"}, "daily partitions since 2024-01-01 until 2024-01-11 and"),
        ("*", {"partition": "2024-01-01"}, "run them one after the other"),
    ],
)
def test_a_mistake_is_one_line_and_no_run(project: Project, words: str, span: dict[str, str], message: str) -> None:
    with pytest.raises(RunRefused, match=message) as refused:
        plan(project, words, **span)
    assert (refused.value.exit_code, "\n" in refused.value.message) == (2, False)
    assert project.instance.get_runs() == []


def test_the_ends_of_a_range_are_those_of_the_partitions(project: Project) -> None:
    assert [run.partitions[0] for run in plan(project, "raw/orders", last="2024-01-03")] == ["2024-01-01"]
    assert [run.partitions[-1] for run in plan(project, "raw/orders", first="2024-01-03")] == ["2024-01-10"]


def test_a_star_that_the_shell_replaced_is_explained(project: Project) -> None:
    with pytest.raises(RunRefused, match=r"put \* in quotes"):
        plan(project, "pyproject.toml", "somebody")
