"""What a run logs, as its own log in the UI shows it and as Python's logging sees it: one line a stage at INFO."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_assets.logs import PACKAGE
from tests.support.projects import Project, opened
from tests.support.shop import CONFIG, DAYS, deliver, write_shop

STAGES = {
    "lake": "lake/orders: 5 partitions in ",
    "raw": "raw/orders: 5 partitions in ",
    "build": "dbt build of apart, cleaned, totals and 5 tests, 5 partitions from 2024-01-01 to 2024-01-05, in ",
    "published": "published/totals: 5 partitions in ",
}


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Iterator[Project]:
    write_shop(tmp_path)
    with opened(tmp_path) as project:
        yield project


def lines(project: Project, run_id: str, level: int) -> list[str]:
    """The platform's own lines in the run's log, as the UI reads it: those that say their feed."""
    entries = project.instance.all_logs(run_id)
    return [e.user_message for e in entries if e.level == level and " [feed=" in e.user_message]


def test_a_run_has_one_line_for_each_stage(shop: Project, caplog: pytest.LogCaptureFixture) -> None:
    many = [[str(number), "ann", "open", "10"] for number in range(1000, 1030)]
    deliver(shop, {DAYS[2]: [["1", "ann", "open", "ten"], *many]})
    caplog.clear()
    select = "key:lake/orders or key:raw/orders or key:cleaned or key:totals or key:apart or key:published/totals"
    run = shop.run(select, DAYS[0], DAYS[-1])
    found = lines(shop, run.run_id, logging.INFO)
    assert len(found) == len(STAGES), found
    for start in STAGES.values():
        assert len([line for line in found if line.startswith(start)]) == 1, (start, found)
    (lake,) = [line for line in found if line.startswith("lake/")]
    assert lake.endswith("5 good, 0 unchanged, 0 rejected, 0 failed; 42 rows, 1 quarantined [feed=orders]"), lake
    logged: list[Any] = [record for record in caplog.records if record.name.startswith(f"{PACKAGE}.")]
    assert sorted(record.getMessage() for record in logged if record.levelno == logging.INFO) == sorted(
        line.rsplit(" [", 1)[0] for line in found
    )
    assert {record.run for record in logged} == {run.run_id}
    assert not lines(shop, run.run_id, logging.DEBUG)


@pytest.mark.slow
def test_a_line_for_each_partition_is_there_when_it_is_wanted(shop: Project, caplog: pytest.LogCaptureFixture) -> None:
    platform = shop.root / "somebody" / "defs" / "platform" / "defs.yaml"
    platform.write_text(platform.read_text() + "  log_level: DEBUG\n  ingestion_workers: 4\n")
    deliver(shop, {DAYS[1]: []})
    caplog.clear()
    run = shop.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[3])
    found = lines(shop, run.run_id, logging.DEBUG)
    for day in [DAYS[0], *DAYS[2:4]]:
        here = f"[feed=orders partition={day}]"
        (ingested,) = [line for line in found if line.startswith("ingested: ") and line.endswith(here)]
        assert ingested.startswith("ingested: 3 rows in, 3 out, 0 quarantined, 1 files, ")
        assert [line for line in found if line == f"raw/orders: published, 3 rows {here}"]
        assert [line for line in found if line.startswith("committed ingestion ") and line.endswith(here)]
    empty = f"[feed=orders partition={DAYS[1]}]"
    assert [line for line in found if line.startswith("not ingested: rejected empty, ") and line.endswith(empty)]
    records: list[Any] = [record for record in caplog.records if record.getMessage().startswith("ingested: ")]
    assert {(r.feed, r.partition, r.run) for r in records} == {
        ("orders", day, run.run_id) for day in [DAYS[0], *DAYS[2:4]]
    }


@pytest.mark.slow
def test_no_line_of_a_whole_run_holds_a_value(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cast = CONFIG + "select _partition, max(cast(customer as integer))::bigint as amount\n"
    models = "models: [{name: cleaned}, {name: totals}, {name: apart}]\n"
    totals = cast + "from {{ ref('cleaned') }} where {{ in_partitions() }} group by 1"
    write_shop(tmp_path, dbt={"models/totals.sql": totals, "models/models.yml": models})
    caplog.set_level(logging.DEBUG, logger=PACKAGE)
    with opened(tmp_path) as shop:
        deliver(shop, {DAYS[0]: [["1", "17", "open", "1"]], DAYS[1]: [["2", "Ada Lovelace", "open", "1"]]})
        caplog.clear()
        run = shop.run("key:lake/orders or key:raw/orders or key:totals+ or key:cleaned", DAYS[0], DAYS[1])
        assert not run.success
        assert shop.materialized("totals") == {DAYS[0]}
    seen = [logging.Formatter().format(record) for record in caplog.records if record.name.startswith(f"{PACKAGE}.")]
    assert len(seen) > 10
    assert not [line for line in seen if "Lovelace" in line]
