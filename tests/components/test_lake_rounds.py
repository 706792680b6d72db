"""Which failures of an ingestion are tried again within the run: what a retry can mend, unless it has waited long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from platform_assets.failpoints import armed
from platform_assets.failures import Kind
from platform_assets.lake import layout
from platform_assets.lake.errors import IngestionError, PartitionLocked
from platform_assets.lake.layout import make_partition_folder, partition_lock
from platform_assets.retries.policy import DEFAULT, Layer
from tests.support.projects import Project, opened, write_project
from tests.support.shop import DAYS, ORDERS

POINT = "lake.commit.before_rename"


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Iterator[Project]:
    write_project(tmp_path, ORDERS)
    landing = tmp_path / "data" / "landing" / "orders"
    landing.mkdir(parents=True)
    (landing / f"{DAYS[0]}.csv").write_text("id,customer,status,amount\n1,ann,open,1\n")
    with opened(tmp_path) as project:
        yield project


@pytest.mark.parametrize("kind", [Kind.TIMEOUT, Kind.MEMORY, Kind.INFRASTRUCTURE, Kind.MISCONFIGURED, Kind.CREDENTIALS])
def test_the_kind_says_whether_it_is_tried_again(project: Project, kind: Kind) -> None:
    seen: list[None] = []

    def fail() -> None:
        seen.append(None)
        raise IngestionError("it did not work", kind=kind)

    with armed(POINT, fail):
        assert not project.run("key:lake/orders", DAYS[0]).success
    assert len(seen) == DEFAULT.attempts(kind, Layer.IN_RUN)


def test_a_fault_that_passes_costs_nothing(project: Project) -> None:
    seen: list[None] = []

    def fail_once() -> None:
        seen.append(None)
        if len(seen) == 1:
            raise IngestionError("it did not answer")

    with armed(POINT, fail_once):
        assert project.run("key:lake/orders", DAYS[0]).success


def test_one_that_has_waited_for_its_lock_is_not_tried_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []

    @contextmanager
    def impatient(folder: Path, wait_seconds: float) -> Iterator[None]:
        seen.append(folder)
        with layout.partition_lock(folder, wait_seconds=-1):
            yield

    monkeypatch.setattr("platform_assets.lake.stage_commit_reject.partition_lock", impatient)
    folder = make_partition_folder(project.root / "data" / "lake", "orders", DAYS[0])
    with partition_lock(folder):
        run = project.run("key:lake/orders", DAYS[0])
        with pytest.raises(PartitionLocked) as caught, partition_lock(folder, wait_seconds=-1):
            pass
    assert (caught.value.failure.kind, caught.value.failure.code) == (Kind.TIMEOUT, "lock")
    assert not run.success
    assert seen == [folder]
    assert project.run("key:lake/orders", DAYS[0]).success
