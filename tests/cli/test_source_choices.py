"""`platform-assets source add` with a pattern and partitions of somebody's choice, which have to take the samples."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from tests.cli.test_source import _project, add, defs, feed_of, sample
from tests.support.projects import Project

__all__ = ["_project"]


def attributes(project: Project, name: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((defs(project, name) / "defs.yaml").read_text())["attributes"]
    return found


def test_a_chosen_pattern_places_the_sample_and_tells_the_partitions(project: Project, tmp_path: Path) -> None:
    path = sample(tmp_path / "2024", "orders-05-01-2024.csv")
    done = add(path, "--name", "orders", "--pattern", "in/%Y/orders-%m-%d-%Y.csv")
    assert done.exit_code == 0, done.output
    assert "mkdir -p data/landing/in/2024 && cp " in done.output
    assert "platform-assets run +raw/orders --partition 2024-05-01" in done.output
    assert attributes(project, "orders") == {
        "files": "in/%Y/orders-%m-%d-%Y.csv",
        "partitions": {"type": "daily", "start_date": "2024-05-01", "timezone": "UTC"},
    }
    sample(project.landing / "in/2024", path.name)
    deliveries = feed_of(project, "orders").landing(str(project.landing)).deliveries(now_ns=2**62).deliveries
    assert list(deliveries) == ["2024-05-01"]


@pytest.mark.parametrize(
    ("partitions", "pattern", "words", "key"),
    [
        ("{type: daily, timezone: Asia/Tokyo}", None, {"start_date": "2024-01-05", "timezone": "Asia/Tokyo"},
         "2024-01-05"),
        ("{type: daily, start_date: 2024-01-01}", None, {"start_date": "2024-01-01", "timezone": "UTC"}, "2024-01-05"),
        ("monthly", "orders_%Y-%m-*.csv", {"start_date": "2024-01-01", "timezone": "UTC"}, "2024-01-01"),
        ("static", "orders_{key}.csv", {"partition_keys": ["2024-01-05"]}, "2024-01-05"),
        ("dynamic", "orders_{key}.csv", {"name": "orders"}, "2024-01-05"),
        ("none", "orders_*.csv", None, ""),
        (None, "orders_*.csv", None, ""),
        (None, "orders_{key}.csv", {"partition_keys": ["2024-01-05"]}, "2024-01-05"),
    ],
)  # fmt: skip
def test_chosen_partitions_are_completed_by_the_samples(
    project: Project, partitions: str | None, pattern: str | None, words: dict[str, object] | None, key: str
) -> None:
    sample(project.landing, "orders_2024-01-05.csv")
    given = [*(["--partitions", partitions] if partitions else []), *(["--pattern", pattern] if pattern else [])]
    done = add("data/landing/orders_2024-01-05.csv", *given)
    assert done.exit_code == 0, done.output
    written = attributes(project, "orders").get("partitions")
    assert isinstance(written, dict) == bool(words)
    if words is not None and isinstance(written, dict):
        assert {word: value for word, value in written.items() if word != "type"} == words
    assert f"platform-assets run +raw/orders{f' --partition {key}' if key else ''}\n" in done.output
    deliveries = feed_of(project, "orders").landing(str(project.landing)).deliveries(now_ns=2**62).deliveries
    assert list(deliveries) == [key or "snapshot"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--pattern", "orders/%Y-%m-%d.csv"], "--pattern 'orders/%Y-%m-%d.csv' does not take"),
        (["--pattern", "orders_%Y-%Q.csv"], "--pattern: files: 'orders_%Y-%Q.csv': %Q is not known"),
        (
            ["--partitions", "monthly"],
            "is of no partition of the pattern 'orders_%Y-%m-%d.csv': no partition begins at",
        ),
        (["--partitions", "dayly"], "type: 'dayly' must be one of hourly, daily"),
        (["--partitions", "{type: daily, zone: UTC}"], "zone is no word of type daily"),
        (["--partitions", "{type: daily, start_date: 2025-01-01}"], "partitions begin at 2025-01-01"),
        (["--partitions", "[daily]"], "must be a type such as daily, none, or words"),
        (["--partitions", "{"], "is no YAML"),
        (["--partitions", "none"], "names a partition, but the feed has none"),
        (["--partitions", "time_window"], "type time_window needs start_date"),
        (["--partitions", "{type: daily, timezone: Mars}"], "Mars"),
    ],
)
def test_what_does_not_take_the_sample_is_one_line_and_leaves_nothing(
    project: Project, given: list[str], told: str
) -> None:
    sample(project.landing, "orders_2024-01-05.csv")
    done = add("data/landing/orders_2024-01-05.csv", *given)
    assert (done.exit_code, told in done.output, done.output.count("\n")) == (1, True, 1), done.output
    assert not defs(project, "orders").exists()


@pytest.mark.parametrize(("zone", "over"), [("Pacific/Kiritimati", True), ("Etc/GMT+12", False)])
def test_a_day_is_over_by_the_clock_of_the_feed(project: Project, zone: str, over: bool) -> None:
    # where days begin first this one has ended, and where they begin last it has not
    day = dt.datetime.now(ZoneInfo("Pacific/Kiritimati")).date() - dt.timedelta(days=1)
    path = sample(project.landing, f"orders_{day}.csv")
    done = add(path, "--partitions", f"{{type: daily, timezone: {zone}}}")
    assert done.exit_code == 0, done.output
    assert ("is not over yet" not in done.output) == over
