"""Two dbt projects in one code location: what is parsed, built, tested and said of one is never the other's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.dbt.project import DbtProjectFiles
from tests.support.projects import Project, opened
from tests.support.two_projects import write_two_projects

DAY, OTHER = "2024-01-02", "2024-01-03"
SALES, REPORTS = dg.AssetKey(["sales", "cleaned"]), dg.AssetKey(["reports", "cleaned"])


def deliver(root: Path, amounts: dict[str, int]) -> None:
    """An order a day, of that amount."""
    (root / "data/landing/orders").mkdir(parents=True, exist_ok=True)
    for day, amount in amounts.items():
        row = f"1,ann,open,{amount}\n"
        (root / f"data/landing/orders/{day}.csv").write_text("id,customer,status,amount\n" + row)


def failures(result: dg.ExecuteInProcessResult) -> str:
    assert not result.success
    return "\n".join(str(event.step_failure_data) for event in result.all_events if event.is_step_failure)


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Iterator[Project]:
    write_two_projects(tmp_path)
    with opened(tmp_path) as project:
        yield project


@pytest.mark.parametrize("name", [pytest.param("shop", marks=pytest.mark.slow), None])
def test_models_of_the_same_name_are_built_and_tested_apart(tmp_path: Path, name: str | None) -> None:
    write_two_projects(tmp_path, name=name)
    deliver(tmp_path, {DAY: 10, OTHER: 100})
    with opened(tmp_path) as project:
        graph = project.job.asset_layer.asset_graph
        assert graph.get(SALES).parent_keys == {dg.AssetKey(["raw", "orders"])}
        assert graph.get(REPORTS).parent_keys == {SALES}
        assert {key.asset_key for key in graph.asset_check_keys if key.name == "amount_is_small"} == {SALES}
        assert "amount_is_small" in failures(project.run("*", DAY, OTHER))
        assert project.rows("SELECT amount, word, of_sales, _partition FROM reports.cleaned") == [
            (20, "reports", "sales", DAY)
        ]
        for key in ("sales/cleaned", "reports/cleaned"):
            assert project.materialized(key) == {DAY}
        lineage = project.instance.get_latest_materialization_event(REPORTS)
        assert lineage is not None
        said = lineage.asset_materialization.metadata["dagster/column_lineage"].value.deps_by_column["amount"]
        assert [(dep.asset_key, dep.column_name) for dep in said] == [(SALES, "amount")]


@pytest.mark.slow
def test_a_day_that_a_test_of_the_one_rejects_is_refused_to_the_other_with_that_reason(project: Project) -> None:
    deliver(project.root, {DAY: 10})
    assert project.run("*", DAY).success
    deliver(project.root, {DAY: 100})
    failures(project.run("key:lake/orders or key:raw/orders or key:sales/cleaned", DAY))
    assert "amount_is_small" in failures(project.run("key:reports/cleaned", DAY)), "no good version of it is kept"


@pytest.mark.slow
def test_a_source_under_a_name_of_its_own_is_the_model_that_has_its_table(project: Project) -> None:
    sources = project.root / "reports/dbt/models/sources.yml"
    sources.write_text("sources:\n  - {name: elsewhere, schema: sales, tables: [{name: cleaned}]}\n")
    model = sources.with_name("cleaned.sql")
    model.write_text(model.read_text().replace("source('sales'", "source('elsewhere'"))
    deliver(project.root, {DAY: 10})
    assert project.job.asset_layer.asset_graph.get(REPORTS).parent_keys == {SALES}
    assert project.run("*", DAY).success
    assert "sales/cleaned, partition 2024-01-03: it was never" in failures(project.run("key:reports/cleaned", OTHER))


@pytest.mark.slow
def test_two_models_of_one_table_are_refused(tmp_path: Path) -> None:
    write_two_projects(tmp_path, schema="main")
    with opened(tmp_path) as project, pytest.raises(Exception, match="Error while building") as raised:
        _ = project.definitions
    assert "is built as main.cleaned, and so is model.reports.cleaned of" in str(raised.value.__cause__)


def test_a_target_folder_for_all_projects_has_one_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    folders = [DbtProjectFiles(tmp_path / name, tmp_path / name).target_path for name in ("sales", "reports")]
    assert len({*folders, *(folder.parent for folder in folders)}) == 4
    assert all(folder.is_relative_to(tmp_path / "target") for folder in folders)
