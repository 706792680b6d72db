"""Models of one code location over tables that another one feeds: what is not published there is refused here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest

from tests.support.projects import Project, located, opened, write_project
from tests.support.shop import CONTRACT, FEED
from tests.support.two_locations import COLUMNS, DAILY, DAYS, RESOURCES, deliver, write_feeds, write_marts

HOURS = [f"2024-01-02T{hour:02}" for hour in range(24)]
COPY = """\
type: platform_assets.PublishedTable
attributes:
  source: {source}
  name: copy
  partitions: {partitions}
"""
SMALL = """\
models:
  - name: totals
    data_tests: [{rows_satisfy: {name: small, arguments: {expression: amount < 30}}}]
"""


@pytest.fixture(name="feeds")
def _feeds(tmp_path: Path) -> Iterator[Project]:
    with opened(write_feeds(tmp_path)) as feeds:
        yield feeds


def deliver_and_feed(feeds: Project, name: str, files: Iterable[str], *span: str) -> None:
    """Publish a delivery of a feed in its own code location."""
    deliver(feeds.root.parent, dict.fromkeys(files, 10))
    assert feeds.run(f"key:lake/{name} or key:raw/{name}", *span).success


def reasons(result: dg.ExecuteInProcessResult) -> str:
    """What a run that failed says of the partitions that it refused."""
    assert not result.success
    return "\n".join(str(event.step_failure_data) for event in result.all_events if event.is_step_failure)


def write_copy(feeds: Project, source: str = "raw/orders", files: Mapping[str, str] | None = None) -> Path:
    """A code location that publishes a copy of an asset by day, and what else is in ``files``."""
    copy = COPY.format(source=source, partitions=DAILY)
    texts = {"platform/defs.yaml": RESOURCES, "copy/defs.yaml": copy, **(files or {})}
    write_project(feeds.root.parent / "copies", texts, "copies")
    return feeds.root.parent / "copies"


def test_a_day_that_another_location_has_not_published_is_refused_with_its_reason(feeds: Project) -> None:
    deliver_and_feed(feeds, "orders", ["orders/2024-01-02.csv"], "2024-01-02")
    with located(write_copy(feeds), feeds.instance, "copies") as copies:
        refused = reasons(copies.run("key:published/copy", "2024-01-02", "2024-01-03"))
    assert "raw/orders, partition 2024-01-03: it was never published" in refused
    assert feeds.rows("SELECT DISTINCT _partition FROM published.copy") == [("2024-01-02",)], "the other one is built"


@pytest.mark.slow
def test_a_location_with_an_instance_of_its_own_reads_what_the_ledger_knows(feeds: Project) -> None:
    deliver_and_feed(feeds, "orders", ["orders/2024-01-02.csv"], "2024-01-02")
    with (
        dg.instance_for_test() as another,
        located(write_copy(feeds), another, "copies") as copies,
    ):
        assert copies.run("key:published/copy", "2024-01-02").success
        assert "raw/orders, partition 2024-01-03: it" in reasons(copies.run("key:published/copy", "2024-01-03"))


@pytest.mark.slow
def test_a_model_of_another_location_is_read_where_its_table_is_and_has_no_last_good_version(feeds: Project) -> None:
    deliver_and_feed(feeds, "customers", ["customers.csv"])
    deliver_and_feed(feeds, "orders", ["orders/2024-01-02.csv"], "2024-01-02")
    folder = write_marts(feeds.root.parent)
    with (
        located(folder, feeds.instance, "marts") as marts,
        located(write_copy(feeds, "totals"), feeds.instance, "copies") as copies,
    ):
        assert marts.run("key:totals", "2024-01-02").success
        assert copies.run("key:published/copy", "2024-01-02").success
        assert feeds.rows("SELECT amount FROM published.copy") == [(30,)]
        (folder / "dbt/models/daily/tests.yml").write_text(SMALL)
        del marts.definitions, marts.job
        assert not marts.run("key:totals", "2024-01-02").success
        assert "check small failed in run" in reasons(copies.run("key:published/copy", "2024-01-02"))


@pytest.mark.slow
def test_a_relationship_is_looked_up_in_a_table_of_another_location(feeds: Project) -> None:
    columns = COLUMNS.replace("name: id, ", "name: id, relationships: [{to: customers.id}], ")
    own = {
        "refunds/defs.yaml": FEED.format(files="refunds.csv"),
        "refunds/contract.yaml": CONTRACT.format(name="refunds", columns=columns),
    }
    with located(write_copy(feeds, files=own), feeds.instance, "copies") as copies:
        deliver(feeds.root.parent, {"refunds.csv": 1})
        assert "raw/customers" in reasons(copies.run("key:lake/refunds or key:raw/refunds"))
        deliver_and_feed(feeds, "customers", ["customers.csv"])
        assert copies.run("key:lake/refunds or key:raw/refunds").success


@pytest.mark.slow
def test_each_kind_of_partition_is_built_where_it_is_published_and_refused_where_it_is_not(feeds: Project) -> None:
    feeds.instance.add_dynamic_partitions("shops", ["köln", "roma"])
    deliver_and_feed(feeds, "orders", ["orders/2024-01-02.csv"], "2024-01-02")
    deliver_and_feed(
        feeds, "clicks", [f"clicks/{hour}.csv" for hour in HOURS[:-1]], "2024-01-02-00:00", "2024-01-02-22:00"
    )
    deliver_and_feed(feeds, "regions", ["regions/north.csv"], "north")
    deliver_and_feed(feeds, "shops", ["shops/köln.csv"], "köln")
    with located(write_marts(feeds.root.parent), feeds.instance, "marts") as marts:
        assert "raw/customers" in reasons(marts.run("key:totals", "2024-01-02")), "a snapshot that is not published"
        deliver_and_feed(feeds, "customers", ["customers.csv"])
        assert marts.run("key:totals or key:published/totals", "2024-01-02").success
        assert "raw/orders, partition 2024-01-03: it was never" in reasons(marts.run("key:totals", "2024-01-03"))
        assert "raw/clicks, partition 2024-01-02-23:00: it" in reasons(marts.run("key:clicked", "2024-01-02"))
        deliver_and_feed(feeds, "clicks", [f"clicks/{HOURS[-1]}.csv"], "2024-01-02-23:00")
        assert marts.run("key:clicked", "2024-01-02").success
        assert marts.run("key:by_region", "north").success
        assert "raw/regions" in reasons(marts.run("key:by_region", "south"))
        assert marts.run("key:by_shop", "köln").success
        assert "raw/shops" in reasons(marts.run("key:by_shop", "roma"))
        assert "raw/orders, partition 2024-01-01: it" in reasons(marts.run("key:everything")), "it needs all days"
        deliver_and_feed(feeds, "orders", [f"orders/{day}.csv" for day in DAYS], DAYS[0], DAYS[-1])
        assert marts.run("key:everything").success
    assert feeds.rows("SELECT amount FROM published.totals") == [(30,)]
    assert feeds.rows("SELECT clicks FROM clicked") == [(72,)]
    assert feeds.rows("SELECT orders FROM everything") == [(3 * len(DAYS),)]
