"""The board of all assets, and its page."""

from __future__ import annotations

import re
from pathlib import Path

from platform_assets.alerts.rendering.status import Status, page
from platform_assets.automation.alerting.board import board
from platform_assets.automation.alerting.places import store_of
from tests.automation.punctual import days, moment, punctual, spec


def test_a_board_counts_the_newest_partition_and_not_the_newest_run(tmp_path: Path) -> None:
    assets = [spec("raw/late", deadline="30 8 * * *"), spec("raw/good", deadline="30 8 * * *"), spec("raw/never")]
    with punctual(tmp_path, assets) as project:
        project.publish("raw/late", *days("2026-02-20", 7), at="02-27 02:00")
        project.publish("raw/good", *days("2026-02-20", 10), at="03-02 02:00")
        project.publish("raw/late", "2026-01-05", at="03-02 03:00")
        project.look("03-02 12:00")
        graph = project.definitions.resolve_asset_graph()
        found = board(project.instance, graph, store_of(project.instance), moment("03-02 12:00"))
    late, never, good = found
    assert (late.asset, late.newest, late.missing) == (
        "raw/late",
        "2026-02-26",
        ("2026-02-27", "2026-02-28", "2026-03-01"),
    )
    assert late.cells[2:4] == ("3 d 12 h", "2026-02-28 08:30 (3 missing)")
    assert (never.asset, never.newest, never.lag, len(never.incidents)) == ("raw/never", "", None, 1)
    assert (good.asset, good.newest, good.missing, good.left) == ("raw/good", "2026-03-01", (), 1.0)


def test_the_page_loads_nothing_and_shows_names_as_they_are() -> None:
    odd = Status("raw/<script>alert(1)</script>", '"x"', 60.0, 0.0, ("a",), 0.95, 0.5, 0.0, ".x", ("I-1",), 3)
    text = page([odd], moment("03-02 12:00"))
    assert "<script" not in text
    assert not re.search(r"https?://|src=|href=|@import|url\(", text)
    assert text.count("<rect") == 2
    assert "1 of 2 partitions were late" in text
