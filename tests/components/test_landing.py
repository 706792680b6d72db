"""`landing/<feed>` as Dagster sees it: what was delivered, whatever became of it, and what lies there besides."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.feeds.landing_events import RECOGNIZED
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.manifest import read_manifest, read_rejection
from platform_assets.partition_key import PartitionKey
from platform_assets.sql.contract_file import read_contract
from tests.support.projects import Project, opened, write_project
from tests.support.shop import ORDERS

LANDING = dg.AssetKey(["landing", "orders"])
GOOD = "id,customer,status,amount\n1,ann,open,3\n"


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Iterator[Project]:
    write_project(tmp_path, ORDERS)
    with opened(tmp_path) as project:
        (project.landing / "orders").mkdir(parents=True)
        yield project


def put(project: Project, name: str, text: str = GOOD) -> None:
    (project.landing / "orders" / name).write_text(text)


def materializations(project: Project) -> list[str | None]:
    found = project.instance.fetch_materializations(LANDING, limit=100).records
    return sorted(record.partition_key for record in found)


def recognized(project: Project) -> dg.AssetCheckEvaluation:
    key = dg.AssetCheckKey(LANDING, RECOGNIZED)
    record = project.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    return record.event.dagster_event.asset_check_evaluation_data


@pytest.mark.slow
def test_what_was_delivered_is_told_once_a_rejected_file_too(project: Project) -> None:
    put(project, "2024-01-01.csv")
    put(project, "2024-01-02.csv", "something else\n1\n")
    assert not project.run("key:lake/orders", "2024-01-01", "2024-01-03").success
    assert project.materialized("lake/orders") == {"2024-01-01"}
    assert materializations(project) == ["2024-01-01", "2024-01-02"], "the third was not delivered"
    assert project.run("key:lake/orders", "2024-01-01").success
    assert len(materializations(project)) == 2, "the file was not replaced"
    put(project, "2024-01-01.csv", GOOD.replace("3", "4"))
    assert project.run("key:lake/orders", "2024-01-01").success
    assert materializations(project) == ["2024-01-01", "2024-01-01", "2024-01-02"]


def test_a_replaced_delivery_is_told_although_the_run_that_took_it_died(project: Project) -> None:
    put(project, "2024-01-01.csv")
    assert project.run("key:lake/orders", "2024-01-01").success
    put(project, "2024-01-01.csv", GOOD.replace("3", "4"))
    found = read_contract(project.root / "somebody/defs/orders/contract.yaml")
    delivery = Delivery(
        "orders", PartitionKey("2024-01-01"), (FileVersion.of(project.landing / "orders" / "2024-01-01.csv"),)
    )
    ingest(contract=found, delivery=delivery, lake=project.root / "data" / "lake", pseudonym_key=None)
    assert project.run("key:lake/orders", "2024-01-01").success
    assert materializations(project) == ["2024-01-01", "2024-01-01"]


@pytest.mark.slow
def test_a_run_without_the_landing_folder_says_so_and_records_nothing(project: Project) -> None:
    """An unmounted volume: no day becomes missing or not due, and what was published stays."""
    contract = project.root / "somebody/defs/orders/contract.yaml"
    rule = "\ncustomProperties:\n  - {property: notDue, value: [{weekday: wednesday, reason: the shop is closed}]}\n"
    contract.write_text(contract.read_text().rstrip() + rule)
    put(project, "2024-01-01.csv")
    assert project.run("key:lake/orders or key:raw/orders", "2024-01-01").success
    lake, days = project.root / "data" / "lake", [f"2024-01-0{day}" for day in (1, 2, 3)]
    project.landing.rename(project.root / "elsewhere")
    result = project.run("key:lake/orders or key:raw/orders", days[0], days[-1])
    assert not result.success
    errors = [str(event.event_specific_data.error) for event in result.all_events if event.is_step_failure]
    assert f"the landing folder {project.landing} is not there; mount it or make it" in "".join(errors)
    assert [read_rejection(lake, "orders", day) for day in days] == [None] * 3
    assert [read_manifest(lake, "orders", day) is not None for day in days] == [True, False, False]
    assert project.rows("SELECT DISTINCT _partition FROM raw.orders") == [("2024-01-01",)]
    (project.root / "elsewhere").rename(project.landing)
    assert project.run("key:lake/orders or key:raw/orders", days[-1]).success, "nothing is due on the Wednesday"


def test_files_that_belong_to_no_delivery_are_told_by_a_check(project: Project) -> None:
    put(project, "2024-01-01.csv")
    assert project.run("key:lake/orders", "2024-01-01").success
    assert recognized(project).passed
    put(project, "2024-02-31.csv")
    put(project, "2024-2-1.csv")
    (project.landing / "orders" / "2024-01-02.csv").symlink_to("2024-01-01.csv")
    assert project.run("key:lake/orders", "2024-01-01").success, "it warns, and stops nothing"
    found = recognized(project)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    told = {record.data["path"]: record.data["problem"] for record in found.metadata["files"].records}
    assert set(told) == {"orders/2024-02-31.csv", "orders/2024-2-1.csv", "orders/2024-01-02.csv"}
    assert "symbolic link" in told["orders/2024-01-02.csv"]


def test_the_check_can_be_executed_by_itself(project: Project) -> None:
    put(project, "2024-13-01.csv")
    wanted = dg.AssetSelection.checks(dg.AssetCheckKey(LANDING, RECOGNIZED))
    job = dg.define_asset_job("look", wanted, executor_def=dg.in_process_executor)
    definitions = dg.Definitions.merge(project.definitions, dg.Definitions(jobs=[job]))
    assert definitions.resolve_job_def("look").execute_in_process(instance=project.instance).success
    assert not recognized(project).passed


def test_a_missing_partition_is_explained_by_its_own_files_only(project: Project) -> None:
    put(project, "2024-01-01.csv")
    os.mkfifo(project.landing / "orders" / "2024-01-02.csv")
    result = project.run("key:lake/orders", "2024-01-01", "2024-01-03")
    (failed,) = [event.event_specific_data.error for event in result.all_events if event.is_step_failure]
    said = {line.split(":")[0].strip(): line for line in str(failed).splitlines() if line.strip().startswith("2024-")}
    assert "orders/2024-01-02.csv is a pipe, not a file" in said["2024-01-02"]
    assert "no file has arrived" in said["2024-01-03"]
    assert "2024-01-02" not in said["2024-01-03"]
