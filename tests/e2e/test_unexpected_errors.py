"""An error that nobody thought of, at every failpoint on the way of a partition: it costs one of thirty at most."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.failpoints import armed
from tests.publishing.support import AFTER_COMMIT, BEFORE_COMMIT
from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, FEED, ORDER_COLUMNS

DAYS = [f"2024-01-{day:02}" for day in range(1, 31)]
PARTITIONS = '{type: daily, start_date: "2024-01-01", end_date: "2024-01-31"}'
PUBLISHED = (
    f"type: platform_assets.PublishedTable\nattributes: {{source: raw/orders, group: shop, partitions: {PARTITIONS}}}\n"
)

pytestmark = pytest.mark.slow
IN_THE_LAKE = [
    "lake.ingest.cleaned",
    "lake.ingest.read",
    "lake.read.before_check",
    "lake.record.open",
    "lake.commit.before_sync",
    "lake.commit.before_rename",
    "lake.commit.after_rename",
    "lake.commit.before_clean_up",
]


class Nobody(Exception):
    """Thought of it."""


@pytest.fixture(scope="module", name="template")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("thirty")
    feed = FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n"
    contract = CONTRACT.format(name="orders", columns=ORDER_COLUMNS)
    files = {"orders/defs.yaml": feed, "orders/contract.yaml": contract, "published/defs.yaml": PUBLISHED}
    write_project(root, files)
    (root / "data" / "landing" / "orders").mkdir(parents=True)
    for day in DAYS:
        text = "id,customer,status,amount\n1,ann,open,3\n2,ben,open,4\n"
        (root / "data" / "landing" / "orders" / f"{day}.csv").write_text(text)
    return root


@pytest.fixture(name="project")
def _project(template: Path, tmp_path: Path) -> Iterator[Project]:
    shutil.copytree(template, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    with opened(tmp_path / "project") as project:
        yield project


def published(project: Project) -> set[str]:
    rows = dict(project.rows("SELECT _partition, count(*) FROM published.orders GROUP BY 1"))
    assert set(rows.values()) == {2}, "each row once"
    assert project.materialized("published/orders") == set(rows)
    return set(rows)


@pytest.mark.parametrize("point", IN_THE_LAKE)
def test_in_the_lake_it_costs_its_own_partition(project: Project, point: str) -> None:
    reached: list[int] = []

    def fail() -> None:
        reached.append(1)
        if len(reached) == 17:
            raise Nobody("of it")

    with armed(point, fail):
        result = project.run("key:*/orders", DAYS[0], DAYS[-1])
    assert len(reached) >= 17
    assert not result.success
    lake = project.materialized("lake/orders")
    assert len(lake) == 29
    assert len(published(project)) >= 29, "a partition that was committed is there, whatever came after"
    (lost,) = set(DAYS) - lake
    (failure,) = [e for e in result.all_events if e.is_step_failure and e.step_key == "lake__orders_verdict"]
    (row,) = failure.step_failure_data.user_failure_data.metadata["partitions"].value.records
    assert (row.data["partition"], row.data["kind"], row.data["code"]) == (lost, "bug", "Nobody")
    assert "of it" not in str(result.all_events), "its text may quote a row"
    assert project.run("key:*/orders", DAYS[0], DAYS[-1]).success
    assert published(project) == set(DAYS)


@pytest.mark.parametrize("point", [*BEFORE_COMMIT, *AFTER_COMMIT])
def test_once_while_a_range_is_published_it_costs_nothing(project: Project, point: str) -> None:
    for key in ("key:lake/orders or key:raw/orders", "key:published/orders"):
        reached: list[int] = []

        def fail(reached: list[int] = reached) -> None:
            reached.append(1)
            if len(reached) == 1:
                raise Nobody("of it")

        with armed(point, fail):
            assert project.run(key, DAYS[0], DAYS[-1]).success
        assert reached
    assert published(project) == set(DAYS)


def test_at_one_partition_while_a_range_is_published_it_costs_that_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from platform_assets.components.assets import raw

    real = raw.publish

    def publish(*arguments: object, **named: object) -> object:
        if any(candidate.partition == DAYS[11] for candidate in named["candidates"]):  # type: ignore[attr-defined]
            raise Nobody("of it")
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(raw, "publish", publish)
    assert not project.run("key:*/orders", DAYS[0], DAYS[-1]).success
    assert published(project) == set(DAYS) - {DAYS[11]}
