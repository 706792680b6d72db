"""Models of one code location over tables that another one feeds: what is not published there is refused here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.support.projects import Project, located, opened
from tests.support.two_locations import deliver, write_feeds, write_marts

HOURS = [f"2024-01-02T{hour:02}" for hour in range(24)]


@pytest.fixture(name="locations")
def _locations(tmp_path: Path) -> Iterator[tuple[Project, Project]]:
    folders = write_feeds(tmp_path), write_marts(tmp_path)
    with opened(folders[0]) as feeds, located(folders[1], feeds.instance, "marts") as marts:
        yield feeds, marts


def reasons(result: dg.ExecuteInProcessResult) -> str:
    """What a run that failed says of the partitions that it refused."""
    assert not result.success
    return "\n".join(str(event.step_failure_data) for event in result.all_events if event.is_step_failure)


def test_each_kind_of_partition_is_built_where_it_is_published_and_refused_where_it_is_not(
    locations: tuple[Project, Project],
) -> None:
    feeds, marts = locations
    feeds.instance.add_dynamic_partitions("shops", ["köln", "roma"])
    hours = {f"clicks/{hour}.csv": 1 for hour in HOURS[:-1]}
    deliver(feeds.root.parent, {"orders/2024-01-02.csv": 10, "regions/north.csv": 1, "shops/köln.csv": 1, **hours})

    def feed(name: str, *span: str) -> None:
        assert feeds.run(f"key:lake/{name} or key:raw/{name}", *span).success

    feed("orders", "2024-01-02")
    feed("clicks", "2024-01-02-00:00", "2024-01-02-22:00")
    feed("regions", "north")
    feed("shops", "köln")
    assert "raw/customers" in reasons(marts.run("key:totals", "2024-01-02")), "a snapshot that is not published"
    deliver(feeds.root.parent, {"customers.csv": 1})
    feed("customers")
    assert marts.run("key:totals or key:published/totals", "2024-01-02").success
    assert "raw/orders, partition 2024-01-03: it was never published" in reasons(marts.run("key:totals", "2024-01-03"))
    assert "raw/clicks, partition 2024-01-02-23:00: it was never published" in reasons(marts.run("key:clicked", "2024-01-02"))
    deliver(feeds.root.parent, {f"clicks/{HOURS[-1]}.csv": 1})
    feed("clicks", "2024-01-02-23:00")
    assert marts.run("key:clicked", "2024-01-02").success
    assert marts.run("key:by_region", "north").success
    assert "raw/regions" in reasons(marts.run("key:by_region", "south"))
    assert marts.run("key:by_shop", "köln").success
    assert "raw/shops" in reasons(marts.run("key:by_shop", "roma"))
    assert feeds.rows("SELECT amount FROM published.totals") == [(30,)]
    assert feeds.rows("SELECT clicks FROM clicked") == [(72,)]
