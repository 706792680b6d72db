"""`platform-assets ingest`: deliveries are taken when somebody says so, with --force again, by runs in the UI."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from platform_assets.cli.ingest_runs import WITHDRAWN, IngestRefused, Taken, ingest_feed
from platform_assets.cli.main import main
from platform_assets.failpoints import armed
from platform_assets.feeds import run_tags
from platform_assets.lake.manifest import read_manifest
from platform_assets.lake.names import escape
from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, FEED

MONTH = '{type: daily, start_date: "2024-01-01", end_date: "2024-02-01"}'
KINDS = {
    "daily": (
        '"daily/%Y-%m-%d.csv"',
        '  partitions: {type: daily, start_date: "2024-01-01", end_date: "2024-02-01"}\n',
    ),
    "whole": ("whole.csv", ""),
    "fixed": ('"fixed/{key}.csv"', "  partitions: {type: static, partition_keys: [south, north]}\n"),
    "shops": ('"shops/{key}.csv"', "  partitions: {type: dynamic, name: shops}\n"),
}
GOOD, BAD = "id\n1\n2\n", "number\n1\n"


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    files = {}
    for name, (pattern, partitions) in KINDS.items():
        files[f"{name}/defs.yaml"] = FEED.format(files=pattern) + partitions
        files[f"{name}/contract.yaml"] = CONTRACT.format(
            name=name, columns="      - {name: id, logicalType: integer}\n"
        )
    write_project(tmp_path, files)
    with opened(tmp_path) as project:
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
        monkeypatch.chdir(tmp_path)
        project.landing.mkdir(parents=True)
        yield project


def put(project: Project, path: str, text: str = GOOD) -> None:
    (project.landing / path).parent.mkdir(exist_ok=True)
    (project.landing / path).write_text(text)


def take(feed: str, partition: str | None = None, *, force: bool = False) -> list[Taken]:
    return ingest_feed(feed, partition, force=force, say=lambda _: None)


def states(taken: list[Taken]) -> dict[str, str]:
    return {row.partition: row.state for row in taken}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("feed", "path", "key"),
    [
        ("daily", "daily/2024-01-03.csv", "2024-01-03"),
        ("whole", "whole.csv", "snapshot"),
        ("fixed", "fixed/north.csv", "north"),
        ("shops", "shops/köln.csv", "köln"),
    ],
)
def test_what_lies_in_the_landing_folder_is_taken_once_and_with_force_again(
    project: Project, feed: str, path: str, key: str
) -> None:
    put(project, path)
    lake = project.root / "data" / "lake"
    assert take(feed) == [Taken(key, 2, 0, "published")]
    first = read_manifest(lake, feed, key)
    assert take(feed) == [], "it is there already"
    assert states(take(feed, force=True)) == {key: "published"}
    second = read_manifest(lake, feed, key)
    assert first is not None
    assert second is not None
    assert (first.content_hash, first.rows_out) == (second.content_hash, second.rows_out)
    assert first.ingestion != second.ingestion, "the delivery was not read again"
    assert (lake / escape(feed) / escape(key)).is_dir()
    runs = project.instance.get_runs()
    assert [run.tags.get(run_tags.FORCE) for run in runs] == ["true", None]
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}


@pytest.mark.slow
def test_a_rejected_delivery_is_taken_again_only_with_force(project: Project) -> None:
    put(project, "daily/2024-01-02.csv", BAD)
    put(project, "daily/2024-01-05.csv")
    found = take("daily")
    assert states(found) == {"2024-01-02": "rejected", "2024-01-05": "published"}
    assert "2024-01-02.csv" in found[0].problem
    assert take("daily") == []
    assert states(take("daily", force=True)) == {"2024-01-02": "rejected", "2024-01-05": "published"}


@pytest.mark.slow
def test_a_run_that_failed_is_not_covered_up_by_what_was_published_before(project: Project) -> None:
    put(project, "daily/2024-01-02.csv")
    assert states(take("daily")) == {"2024-01-02": "published"}
    put(project, "daily/2024-01-02.csv", GOOD + "3\n4\n")

    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with armed("lake.commit.before_rename", full):
        (row,) = take("daily")
    assert (row.state, row.rows) == ("failed", 2)
    assert row.problem.startswith("infrastructure: ")
    assert take("daily") == [Taken("2024-01-02", 4, 0, "published")]


@pytest.mark.slow
def test_a_partition_whose_file_is_gone_is_withdrawn_and_not_published(project: Project) -> None:
    put(project, "daily/2024-01-02.csv")
    assert states(take("daily")) == {"2024-01-02": "published"}
    (project.landing / "daily/2024-01-02.csv").unlink()
    assert take("daily", "2024-01-02") == [Taken("2024-01-02", 2, 0, "withdrawn", WITHDRAWN)]
    assert project.rows("SELECT count(*) FROM raw.daily") == [(2,)]
    (never,) = take("daily", "2024-01-03")
    assert (never.rows, never.state, "no file has arrived" in never.problem) == (0, "not_delivered", True)
    done = CliRunner().invoke(main, ["ingest", "daily", "2024-01-02"])
    assert done.exit_code == 1
    assert "withdrawn" in done.stdout


def test_a_mistyped_dynamic_key_makes_no_partition(project: Project) -> None:
    put(project, "shops/berlin.csv")
    with pytest.raises(IngestRefused, match="has no partition 'berlim'"):
        take("shops", "berlim", force=True)
    assert project.instance.get_dynamic_partitions("shops") == []
    assert states(take("shops", "berlin")) == {"berlin": "published"}


@pytest.mark.slow
def test_a_range_is_one_run_and_a_day_without_a_file_says_so(project: Project) -> None:
    for day in range(1, 13):
        if day != 7:
            put(project, f"daily/2024-01-{day:02}.csv")
    found = take("daily", "2024-01-01...2024-01-12")
    assert [row.partition for row in found if not row.problem] == [f"2024-01-{d:02}" for d in range(1, 13) if d != 7]
    (missing,) = [row for row in found if row.problem]
    assert (missing.partition, "no file has arrived" in missing.problem) == ("2024-01-07", True)
    assert len(project.instance.get_runs()) == 1


@pytest.mark.parametrize(
    ("feed", "partition", "message"),
    [
        ("daly", None, "no feed 'daly'; did you mean 'daily'"),
        ("daily", "2024-02-30", "no partition '2024-02-30': they go from 2024-01-01 to 2024-01-31"),
        ("daily", "2024-01-05...2024-03-01", "no partition '2024-03-01'"),
        ("fixed", "east", "no partition 'east': they are south, north"),
        ("whole", "snapshot", "has no partitions"),
        ("shops", "a...b", "cannot be a partition"),
    ],
)
def test_a_mistake_is_answered_with_what_there_is(
    project: Project, feed: str, partition: str | None, message: str
) -> None:
    with pytest.raises(IngestRefused, match=message.replace("(", r"\(")):
        take(feed, partition)
    assert project.instance.get_runs() == []


@pytest.mark.slow
def test_the_command_prints_what_became_of_each_partition(project: Project) -> None:
    put(project, "daily/2024-01-02.csv", BAD)
    put(project, "daily/2024-01-05.csv")
    command = [str(Path(sys.executable).with_name("platform-assets")), "ingest", "daily"]
    done = subprocess.run(command, cwd=project.root, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    lines = {line.split("│")[1].strip(): line for line in done.stdout.splitlines() if "2024-01" in line}
    assert "published" in lines["2024-01-05"]
    assert "rejected" in lines["2024-01-02"]
    assert "Traceback" not in done.stderr
    again = subprocess.run(command, cwd=project.root, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert (again.returncode, "nothing to take: 2 deliveries" in again.stderr) == (0, True)
