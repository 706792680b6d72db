"""`PublishedTable` over a feed itself, without dbt in between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, CUSTOMERS, DAYS, DEFS, ORDER_COLUMNS, PARTITIONS, deliver, good_rows

PUBLISHED = "type: platform_assets.PublishedTable\nattributes:\n  group: shop\n  source: {source}\n"
GATED = "    quality:\n      - {type: library, metric: rowCount, mustBeGreaterThan: 2}\n"
RAW = "key:*/orders and not key:published/*"


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Iterator[Project]:
    feeds = {path: text for path, text in DEFS.items() if path.startswith(("orders/", "customers/"))}
    tables = {
        "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS) + GATED,
        "published_orders/defs.yaml": PUBLISHED.format(source="raw/orders") + f"  partitions: {PARTITIONS}\n",
        "published_customers/defs.yaml": PUBLISHED.format(source="raw/customers"),
    }
    write_project(tmp_path, {**feeds, **tables})
    with opened(tmp_path) as project:
        yield project


def published(shop: Project) -> dict[str, int]:
    return dict(shop.rows("SELECT _partition, sum(amount)::int FROM published.orders GROUP BY 1"))


@pytest.mark.slow
def test_a_feed_s_own_table_is_published(shop: Project) -> None:
    deliver(shop)
    assert shop.run(RAW, DAYS[0], DAYS[-1]).success
    assert shop.run("key:published/orders", DAYS[0], DAYS[-1]).success
    assert published(shop) == dict.fromkeys(DAYS, 33)
    assert shop.run("key:published/customers").success
    assert shop.rows("SELECT count(*) FROM published.customers") == [(len(CUSTOMERS),)]
    deliver(shop, {DAYS[1]: [[*row[:3], "100"] for row in good_rows(DAYS[1])]})
    assert shop.run(f"({RAW}) or key:published/orders", DAYS[1]).success
    assert published(shop) == {**dict.fromkeys(DAYS, 33), DAYS[1]: 300}


def test_what_a_gate_of_the_feed_refused_leaves_the_last_good_version(shop: Project) -> None:
    deliver(shop)
    assert shop.run(f"({RAW}) or key:published/orders", DAYS[0], DAYS[-1]).success
    deliver(shop, {DAYS[1]: good_rows(DAYS[1])[:1], DAYS[2]: [[*row[:3], "100"] for row in good_rows(DAYS[2])]})
    assert not shop.run(f"({RAW}) or key:published/orders", DAYS[0], DAYS[-1]).success
    assert published(shop) == {**dict.fromkeys(DAYS, 33), DAYS[2]: 300}
