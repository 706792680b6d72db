"""A home that an early version wrote is read by this one, and nothing in it is ingested or published again.

`tests/fixtures/first_home.tar.xz` was written at commit 6cd47c1 by the `make_home.py` that lies in it, and is never
written anew. It holds feeds by hour, day and month, a snapshot, static and dynamic keys, a rejection, quarantined
rows, protected columns, a partition without rows and one that is not due, a dbt project, and its Dagster instance.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from platform_assets.publishing import ledger
from tests.support.projects import Project, opened
from tests.support.shop import write_macros

pytestmark = pytest.mark.slow

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "first_home.tar.xz"
GOOD = {
    "orders": ["2024-01-01", "2024-01-02", "2024-01-03"],
    "visits": ["2024-01-01", "2024-01-02", "2024-01-03"],
    "meter": ["2024-01-01-00:00", "2024-01-01-01:00"],
    "stock": ["2024-01-01"],
    "regions": ["north", "south"],
    "branches": ["Köln Mitte", "o'hara"],
    "customers": [None],
}
BUILT = ["2024-01-01", "2024-01-02"]
ASKED_AGAIN = {
    "visits_arrivals": ["2024-01-02"],
    # restored files look changed: what was rejected is asked for once more, under the run key that dagster knows
    "orders_arrivals": ["2024-01-04", "2024-01-05"],
    "meter_arrivals": ["2024-01-01-02:00"],
    "stock_arrivals": ["2024-02-01"],
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("PLATFORM_PSEUDONYM_KEY", "not a secret, but long enough")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    # the macros are a part of the platform that a project keeps a copy of, and says so when they are older
    write_macros(tmp_path)
    with opened(tmp_path) as project:
        yield project


def test_nothing_that_is_there_is_ingested_or_published_again(home: Project) -> None:
    before = _files(home.root / "data"), _ledger(home)
    for feed, keys in GOOD.items():
        for key in keys:
            result = home.run(f"key:lake/{feed} or key:raw/{feed}", key)
            assert result.success, (feed, key, [event.message for event in result.all_events if event.is_failure])
    result = home.run("key:published/totals", *BUILT)
    assert result.success
    assert _ledger(home) == before[1]
    assert _files(home.root / "data") == before[0]


def test_the_models_are_read_as_they_were_audited(home: Project) -> None:
    """Models are overwritten in place by each run: they are built anew from rows that an earlier version published."""
    result = home.run("key:cleaned+", *BUILT)
    assert result.success, [event.message for event in result.all_events if event.is_failure]
    with home.warehouse.session(read_only=True) as session:
        totals = session.execute("SELECT _partition, count(*) FROM published.totals GROUP BY 1 ORDER BY 1")
    assert totals == [(day, 3) for day in BUILT]


def test_a_day_that_was_rejected_stays_red_and_is_taken_when_it_is_mended(home: Project) -> None:
    assert not home.run("key:lake/orders or key:raw/orders", "2024-01-05").success
    (home.landing / "orders" / "2024-01-05.csv").write_text("id,customer,status,amount\n500,ann,open,5\n")
    result = home.run("key:lake/orders+", "2024-01-05")
    assert result.success, [event.message for event in result.all_events if event.is_failure]


def test_sensors_go_on_from_their_old_cursors(home: Project) -> None:
    cursors = json.loads((home.root / "known.json").read_text())["cursors"]
    assert len(cursors) == len(GOOD)
    for sensor in home.definitions.sensors or ():
        if sensor.name in cursors:
            (home.landing / "visits" / "2024-01-02.csv").touch()
            with (
                dg.partition_loading_context(dynamic_partitions_store=home.instance),
                dg.build_sensor_context(
                    instance=home.instance,
                    cursor=cursors[sensor.name],
                    definitions=home.definitions,
                    resources=home.definitions.resources,
                ) as context,
            ):
                tick = sensor.evaluate_tick(context)
            asked = [key for request in tick.run_requests or () for key in _ends(request)]
            assert asked == ASKED_AGAIN.get(sensor.name, []), sensor.name


def _ends(request: dg.RunRequest) -> list[str | None]:
    """The partition of a request, or the first and the last of its range."""
    ends = [request.tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end")]
    return ends if all(ends) else [request.partition_key]


def _files(folder: Path) -> dict[str, int]:
    """When each file was changed; the warehouse's own file is what `_ledger` looks into."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            if not name.startswith((".", "warehouse.duckdb")):
                file = Path(path, name)
                found[str(file.relative_to(folder))] = file.stat().st_mtime_ns
    assert any(name.endswith("manifest.json") for name in found)
    return found


def _ledger(project: Project) -> list[tuple[Any, ...]]:
    with project.warehouse.session(read_only=True) as session:
        rows = session.execute(f"SELECT asset, partition_key, token, state FROM {ledger.name(session, ledger.LEDGER)}")
    assert rows
    return sorted(rows)
