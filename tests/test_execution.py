"""Executor, pool, threads, memory and the size of a load are a deployment's choice, and reach what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from platform_assets.components.file_feed import FileFeed
from platform_assets.environment import InvalidEnvironment, read_environment
from platform_assets.execution import Execution, read_execution
from resources.by_environment import executor, platform_resources
from tests.support.projects import RESOURCES, Project, opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, ORDER_COLUMNS, PARTITIONS, good_rows

OTHER = {
    "PLATFORM_EXECUTOR": "multiprocess",
    "PLATFORM_POOL": "small",
    "PLATFORM_INGESTION_WORKERS": "7",
    "PLATFORM_INGESTION_THREADS": "14",
    "PLATFORM_INGESTION_MEMORY": "512MB",
    "PLATFORM_WAREHOUSE_MEMORY": "1.5GB",
    "PLATFORM_WAREHOUSE_WAIT_SECONDS": "2.5",
    "PLATFORM_PARTITIONS_PER_LOAD": "30",
    "PLATFORM_SETTLE_SECONDS": "1.5",
    "PLATFORM_INTERVAL_SECONDS": "10",
    "PLATFORM_PARTITIONS_PER_RUN": "50",
}
ORDERS = {
    "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
    "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS),
}


def test_the_settings_are_read_from_variables() -> None:
    assert read_execution({}) == Execution()
    assert read_execution(OTHER) == Execution("multiprocess", "small", 7, 14, "512MB", "1.5GB", 2.5, 30, 1.5, 10, 50)
    assert read_execution({"PLATFORM_POOL": "none"}).pool is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PLATFORM_EXECUTOR", "k8s"),
        ("PLATFORM_POOL", "a pool"),
        ("PLATFORM_INGESTION_WORKERS", "0"),
        ("PLATFORM_INGESTION_THREADS", "two"),
        ("PLATFORM_INGESTION_MEMORY", "0GB"),
        ("PLATFORM_WAREHOUSE_MEMORY", "80%"),
        ("PLATFORM_WAREHOUSE_WAIT_SECONDS", "nan"),
        ("PLATFORM_SETTLE_SECONDS", "soon"),
        ("PLATFORM_INTERVAL_SECONDS", "0"),
        ("PLATFORM_PARTITIONS_PER_RUN", "all"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(variable: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidEnvironment, match=rf"{variable} is '{value}'; it must be "):
        read_environment({variable: value}, cwd=tmp_path)


def test_they_reach_the_resources_and_the_executor(tmp_path: Path) -> None:
    environment = read_environment(OTHER, cwd=tmp_path)
    platform = platform_resources(environment)["platform"]
    warehouse: Any = platform.warehouse.open()
    assert (warehouse.wait_seconds, warehouse.memory_limit) == (2.5, "1.5GB")
    assert (platform.ingestion_workers, platform.ingestion_threads, platform.ingestion_memory) == (7, 14, "512MB")
    assert platform.partitions_per_load == 30
    assert executor(environment) is dg.multiprocess_executor
    assert executor(read_environment({}, cwd=tmp_path)) is dg.in_process_executor


def written(root: Path, settings: Mapping[str, object]) -> None:
    words = "".join(f"  {name}: {value}\n" for name, value in settings.items())
    write_project(root, {**ORDERS, "platform/defs.yaml": RESOURCES + words})
    (root / "data" / "landing" / "orders").mkdir(parents=True)
    for day in DAYS:
        rows = "".join(",".join(row) + "\n" for row in good_rows(day))
        (root / "data" / "landing" / "orders" / f"{day}.csv").write_text("id,customer,status,amount\n" + rows)


def pools(project: Project) -> set[str | None]:
    return {asset.op.pool for asset in project.definitions.resolve_asset_graph().assets_defs if asset.is_executable}


def test_a_pool_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, {})
    found = []
    for value in (None, "small", "none"):
        if value is not None:
            monkeypatch.setenv("PLATFORM_POOL", value)
        with opened(tmp_path) as project:
            found.append(pools(project))
    assert found == [{None, "warehouse"}, {None, "small"}, {None}]


def test_a_feed_settles_by_its_own_word_or_the_deployments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def settles(text: str) -> float:
        component = FileFeed.resolve_from_yaml(text.replace("type: platform_assets.FileFeed\nattributes:\n", ""))
        return component.feed(tmp_path).completeness.settle_seconds

    (tmp_path / "contract.yaml").write_text(ORDERS["orders/contract.yaml"])
    named = ORDERS["orders/defs.yaml"]
    unnamed = named.replace("  settle_seconds: 0\n", "")
    assert (settles(named), settles(unnamed)) == (0, 30)
    monkeypatch.setenv("PLATFORM_SETTLE_SECONDS", "1.5")
    assert (settles(named), settles(unnamed)) == (0, 1.5)


@pytest.mark.slow
def test_a_project_keeps_its_executor_and_loads_in_pieces_of_its_choice(tmp_path: Path) -> None:
    written(tmp_path, {"partitions_per_load": 2, "ingestion_memory": "256MB", "ingestion_workers": 3})
    with opened(tmp_path) as project:
        assert project.definitions.executor is None
        assert project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success
        assert project.materialized("raw/orders") == set(DAYS)
        times = project.rows("SELECT recorded_at, count(*) FROM platform.ledger GROUP BY 1 ORDER BY 1")
    assert [count for _, count in times] == [2, 2, 1]


def test_a_setting_in_yaml_that_is_not_allowed_is_named_with_what_is(tmp_path: Path) -> None:
    written(tmp_path, {"ingestion_memory": "plenty"})
    with opened(tmp_path) as project, pytest.raises(Exception, match="PlatformResources") as raised:
        assert project.definitions
    assert isinstance(raised.value.__cause__, InvalidEnvironment)
    assert "ingestion_memory is 'plenty'; it must be a size" in str(raised.value.__cause__)
