"""The Dagster UI in a headless browser: choose a range, launch, the grid fills, a bad day is red and alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from demo import landing
from tests.support.servers import Servers, servers, wait_for
from tests.support.year import daily_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DAYS = [f"2013-02-{day:02}" for day in range(1, 11)]
BAD = "2013-02-05"
DAILY = ("raw/flights", "marts/airport_delays", "published/airport_delays")


@pytest.fixture(name="platform", scope="module")
def _platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    home = tmp_path_factory.mktemp("ui")
    land(home / "landing")
    with servers(home, sensors=False) as started:
        yield started


@pytest.fixture(name="page", scope="module")
def _page() -> Iterator[Page]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield browser.new_page(viewport={"width": 1500, "height": 950})
        browser.close()


def land(folder: Path) -> None:
    """Ten days, one of them with a flights file that the row count gate refuses."""
    for name in landing.SNAPSHOTS:
        landing.put(folder / f"{name}.csv", (landing.data_folder() / f"{name}.csv").read_bytes())
    for (feed, day), text in daily_files().items():
        if day in DAYS:
            lines = text.splitlines(keepends=True)
            cut = lines[:50] if (feed, day) == ("flights", BAD) else lines
            landing.put(folder / feed / f"{feed}_{day}.csv", "".join(cut).encode())


def finished(platform: Servers, *, materialized: int, failed: int) -> bool:
    """All layers have so many days; ``failed`` is raw's, behind which a backfill asks for no more of that day."""
    stats = [platform.partitions(key) for key in DAILY]
    return stats[0]["numFailed"] == failed and all(s["numMaterialized"] == materialized for s in stats)


def no_run_in_progress(platform: Servers) -> bool:
    data = platform.graphql(
        "{ runsOrError(filter: {statuses: [QUEUED, STARTING, STARTED]}) { ... on Runs { count } } }"
    )
    return data["runsOrError"]["count"] == 0


def test_a_range_is_launched_and_a_bad_day_is_red_and_alone(platform: Servers, page: Page) -> None:
    page.goto(f"{platform.url}/locations/platform_assets/asset-groups/flights/lineage")
    page.get_by_role("button", name="Materialize all").first.click()
    field = page.get_by_placeholder("ex: 2013-01-01")
    field.fill(f"[{DAYS[0]}...{DAYS[-1]}]")
    field.press("Enter")
    page.get_by_role("button", name="Launch backfill").click()
    wait_for("nine days and one failure", lambda: finished(platform, materialized=9, failed=1), seconds=300)
    wait_for("the end of the backfill", lambda: no_run_in_progress(platform))
    for key in DAILY:
        assert platform.partitions(key)["numPartitions"] == 365

    page.goto(f"{platform.url}/assets/raw/flights?view=partitions&partition={BAD}")
    page.get_by_text("Failed (1)").wait_for()
    page.get_by_text("Materialized (9)").wait_for()
    page.goto(f"{platform.url}/assets/raw/flights?view=checks&checkDetail=row_count")
    page.get_by_text("row_count").first.wait_for()
    page.get_by_text("Failed").first.wait_for()


def test_the_failed_partition_is_run_again_after_its_file_was_replaced(platform: Servers, page: Page) -> None:
    text = daily_files()[("flights", BAD)]
    landing.put(platform.home / "landing" / "flights" / f"flights_{BAD}.csv", text.encode())
    page.goto(f"{platform.url}/locations/platform_assets/asset-groups/flights/lineage")
    page.get_by_role("button", name="Materialize all").first.click()
    field = page.get_by_placeholder("ex: 2013-01-01")
    field.fill(BAD)
    field.press("Enter")
    page.get_by_role("button", name="Launch 1 run").click()
    wait_for("ten days and no failure", lambda: finished(platform, materialized=10, failed=0), seconds=300)
    page.goto(f"{platform.url}/assets/published/airport_delays?view=partitions&partition={BAD}")
    page.get_by_text("Materialized (10)").wait_for()
