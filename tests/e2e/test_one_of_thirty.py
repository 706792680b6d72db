"""A range of thirty days, one of them broken: twenty-nine are published, and that one is reported with its cause."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from platform_assets.failpoints import armed
from platform_assets.failures import Kind
from platform_assets.formats import plain_files
from platform_assets.lake.layout import MANIFEST, REJECTION
from platform_assets.retries.policy import DEFAULT, Layer
from tests.e2e.kinds_of_failure import KINDS
from tests.support.landing_faults import faulty
from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, FEED, ORDER_COLUMNS

DAYS = [f"2024-01-{day:02}" for day in range(1, 31)]
DAY = "2024-01-15"
PARTITIONS = '{type: daily, start_date: "2024-01-01", end_date: "2024-01-31"}'
RULES = """\
    quality:
      - {name: enough, type: library, metric: rowCount, mustBeGreaterThan: 2}
customProperties:
  - {property: quarantineLimit, value: 0.5}
"""
GOOD = "id,customer,status,amount\n1,ann,open,3\n2,ben,open,4\n3,cem,paid,5\n"
UNREADABLE = GOOD.replace("1,", "x,").replace("2,", "y,")
QUICK = {"name: no file", "rights: a folder not listed", "type: other columns", "rule: too few rows",
         "manifest: torn", "rejection: torn", "machine: a page is damaged"}  # fmt: skip
"""Ways that the default tests try; the others are slow tests, for each is a run of thirty days."""


@dataclass
class Broken:
    """A project in which something is done to one day; ``landed`` and ``made`` are its places."""

    project: Project
    patch: pytest.MonkeyPatch
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def landed(self) -> Path:
        return self.project.landing / "orders" / DAY

    @property
    def file(self) -> Path:
        return self.landed / "part.csv"

    @property
    def made(self) -> Path:
        return self.project.root / "data" / "lake" / "orders" / DAY

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.made / MANIFEST).read_bytes())

    def put(self, name: str, record: dict[str, Any]) -> None:
        (self.made / name).write_text(json.dumps(record))

    @property
    def parquet(self) -> Path:
        return self.project.root / "data" / "lake" / self.manifest["data_files"][0]


def instead(path: Path, make: Callable[[Path], Any]) -> None:
    """Something else in the place of a file or folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    make(path)


def fail_for(broken: Broken, name: str, number: int) -> None:
    """What is opened below the day's delivery fails with an error of the machine."""
    original = getattr(plain_files, name)

    def failing(path: Any, *more: Any) -> Any:
        if str(broken.landed) in str(getattr(path, "path", path)):
            raise OSError(number, os.strerror(number), str(broken.file))
        return original(path, *more)

    broken.patch.setattr(plain_files, name, failing)


def damage_a_page(broken: Broken) -> None:
    data = bytearray(broken.parquet.read_bytes())
    data[4 : len(data) // 3] = bytes(len(data) // 3 - 4)
    broken.parquet.write_bytes(data)


def eio_for_its_records(broken: Broken) -> None:
    def fail() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    original = os.open

    def opened(path: Any, *words: Any, **more: Any) -> int:
        if isinstance(path, Path) and path.parent == broken.made and path.name in (MANIFEST, REJECTION):
            fail()
        return original(path, *words, **more)

    broken.patch.setattr("platform_assets.lake.json_records.os.open", opened)


IN_LANDING: dict[str, tuple[Callable[[Broken], Any], str]] = {
    "name: no file": (lambda b: b.file.unlink(), "no file has arrived"),
    "name: a link": (lambda b: instead(b.file, lambda p: p.symlink_to("/etc/hosts")), "is a symbolic link"),
    "name: a folder": (lambda b: instead(b.file, Path.mkdir), "is a folder"),
    "name: a pipe": (lambda b: instead(b.file, os.mkfifo), "is a pipe"),
    "name: a linked folder": (lambda b: instead(b.landed, lambda p: p.symlink_to("/etc")), "is a symbolic link"),
    "date: one that does not exist": (
        lambda b: b.landed.rename(b.landed.with_name("2024-01-32")),
        "no file has arrived",
    ),
    "date: the end of time": (lambda b: b.landed.rename(b.landed.with_name("9999-12-31")), "no file has arrived"),
    "rights: a folder not listed": (lambda b: faulty(b.patch, b.landed, errno.EACCES), "cannot be listed: Permission"),
    "rights: a file not looked at": (lambda b: faulty(b.patch, b.file, errno.EACCES), "cannot be looked at"),
    "rights: a file not opened": (lambda b: fail_for(b, "open_regular", errno.EACCES), "Permission denied"),
    "machine: a bad disk": (lambda b: fail_for(b, "open_regular", errno.EIO), "Input/output error"),
    "machine: no space": (lambda b: fail_for(b, "open_regular", errno.ENOSPC), "the disk is full"),
    "machine: no descriptors": (lambda b: fail_for(b, "open_regular", errno.EMFILE), "Too many open files"),
    "machine: an error of ours": (
        lambda b: b.patch.setattr(plain_files, "_mark", failing_mark(b)),
        "an error of the platform itself (ZeroDivisionError",
    ),
    "type: not a CSV": (lambda b: b.file.write_bytes(b"PAR1" + bytes(100)), "a Parquet file"),
    "type: a broken gzip": (
        lambda b: b.file.write_bytes(gzip.compress(GOOD.encode())[:-9]),
        "(compression:truncated)",
    ),
    "type: other columns": (lambda b: b.file.write_text("a,b\n1,2\n"), "(drift:"),
    "type: a column of texts": (lambda b: b.file.write_text(UNREADABLE), "(quarantine_limit)"),
    "type: no text": (lambda b: b.file.write_bytes(GOOD.encode() + b"\xff,\xff,\xff,\xff\n" * 5), "encoding:invalid 5"),
    "rule: empty": (lambda b: b.file.write_text("id,customer,status,amount\n"), "(empty)"),
    "rule: too few rows": (lambda b: b.file.write_text(GOOD[: GOOD.index("2,")]), "check enough"),
    "lake: a file for a folder": (
        lambda b: b.made.parent.mkdir(parents=True) or b.made.touch(),
        "is a file in the place of a folder",
    ),
}

IN_LAKE: dict[str, tuple[Callable[[Broken], Any], str]] = {
    "manifest: torn": (lambda b: (b.made / MANIFEST).write_text('{"feed": '), "manifest.json: cannot be read"),
    "manifest: empty": (lambda b: (b.made / MANIFEST).write_text(""), "it is empty"),
    "manifest: gone": (lambda b: (b.made / MANIFEST).unlink(), "nothing was ingested"),
    "manifest: a folder": (lambda b: instead(b.made / MANIFEST, Path.mkdir), "Is a directory"),
    "manifest: a link to itself": (
        lambda b: instead(b.made / MANIFEST, lambda p: p.symlink_to(p)),
        "symbolic links",
    ),
    "manifest: of another day": (
        lambda b: b.put(MANIFEST, {**b.manifest, "partition": "2024-01-16"}),
        "it is the record of orders 2024-01-16",
    ),
    "manifest: another type": (lambda b: b.put(MANIFEST, {**b.manifest, "rows_out": "3"}), "'rows_out' holds a text"),
    "manifest: another version": (lambda b: b.put(MANIFEST, {**b.manifest, "x": 1}), "'x', which is not known"),
    "manifest: another count": (
        lambda b: b.put(MANIFEST, {**b.manifest, "rows_out": 4, "rows_in": 4}),
        "the manifest says 4",
    ),
    "rejection: torn": (lambda b: (b.made / REJECTION).write_text('{"feed": '), "rejected.json: cannot be read"),
    "rejection: not JSON": (lambda b: (b.made / REJECTION).write_text("rejected"), "rejected.json: cannot be read"),
    "rights: records not opened": (eio_for_its_records, "Input/output error"),
    "machine: its file is gone": (lambda b: b.parquet.unlink(), "No files found"),
    "machine: its file is cut": (
        lambda b: b.parquet.write_bytes(b.parquet.read_bytes()[:-20]),
        "lake_files|part-0000",
    ),
    "machine: a page is damaged": (damage_a_page, "check lake_files|are damaged: remove that folder"),
}


def failing_mark(broken: Broken) -> Callable[..., int]:
    original = plain_files._mark

    def mark(path: Path, *more: Any) -> int:
        return 1 // 0 if path == broken.file else original(path, *more)

    return mark


@pytest.fixture(scope="module", name="template")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose thirty days have landed and are in the lake; its warehouse is empty."""
    root = tmp_path_factory.mktemp("thirty")
    feed = FEED.format(files="orders/%Y-%m-%d/*.csv") + f"  partitions: {PARTITIONS}\n"
    contract = CONTRACT.format(name="orders", columns=ORDER_COLUMNS) + RULES
    write_project(root, {"orders/defs.yaml": feed, "orders/contract.yaml": contract})
    with opened(root) as project:
        for day in DAYS:
            (project.landing / "orders" / day).mkdir(parents=True)
            (project.landing / "orders" / day / "part.csv").write_text(GOOD)
        assert project.run("key:lake/orders", DAYS[0], DAYS[-1]).success
    shutil.rmtree(root / "dagster")
    return root


@pytest.fixture(name="broken")
def _broken(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    root = tmp_path / "project"
    shutil.copytree(template, root, ignore=shutil.ignore_patterns("__pycache__"))
    with opened(root) as project, ExitStack() as stack:
        yield Broken(project, monkeypatch, stack)


def check(broken: Broken, result: dg.ExecuteInProcessResult, cause: str, way: str) -> None:
    """The other days are published, and one line on the day holds each part of ``cause``, parted by `|`."""
    assert not result.success
    assert broken.project.materialized("raw/orders") == set(DAYS) - {DAY}
    published = "SELECT _partition, count(*) FROM raw.orders GROUP BY 1"
    assert dict(broken.project.rows(published)) == dict.fromkeys([day for day in DAYS if day != DAY], 3)
    failures = [event.event_specific_data.error for event in result.all_events if event.is_step_failure]
    said = [line for error in failures for line in str(error).splitlines() if line.strip().startswith(DAY)]
    assert said, failures
    assert any(all(part in line for part in cause.split("|")) for line in said), said
    assert reported(result) == {KINDS.get(way) or KINDS[way.split(":")[0]]}


def reported(result: dg.ExecuteInProcessResult) -> set[tuple[str, str, str]]:
    """Kind, code and actor that the tables of the failures give for the day."""
    data = [e.event_specific_data.user_failure_data for e in result.all_events if e.is_step_failure]
    tables = [failure.metadata["partitions"].value.records for failure in data]
    rows = [record.data for records in tables for record in records if record.data["partition"] == DAY]
    return {(row["kind"], row["code"], row["who_acts"]) for row in rows}


def ways(table: Mapping[str, Any]) -> list[Any]:
    return [pytest.param(way, marks=[] if way in QUICK else pytest.mark.slow) for way in table]


@pytest.mark.slow
@pytest.mark.parametrize("way", ways(IN_LANDING))
def test_one_delivery_is_broken(broken: Broken, way: str) -> None:
    shutil.rmtree(broken.project.root / "data" / "lake")
    breaks, cause = IN_LANDING[way]
    breaks(broken)
    check(broken, broken.project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]), cause, way)


@pytest.mark.slow
@pytest.mark.parametrize("way", ways(IN_LAKE))
def test_what_the_lake_holds_of_one_day_is_broken(broken: Broken, way: str) -> None:
    breaks, cause = IN_LAKE[way]
    breaks(broken)
    check(broken, broken.project.run("key:raw/orders", DAYS[0], DAYS[-1]), cause, way)


ATTEMPTS = DEFAULT.attempts(Kind.INFRASTRUCTURE, Layer.IN_RUN)


@pytest.mark.slow
@pytest.mark.parametrize(("code", "times"), [(errno.EIO, 1), (errno.EIO, ATTEMPTS), (errno.ENOMEM, 1)])
def test_a_fault_or_a_full_memory_at_one_day(broken: Broken, code: int, times: int) -> None:
    """A failpoint that is reached by each partition fails at one of them, and again when that is tried again.

    A fault is tried again within the run; a full memory is left to a run with more.
    """
    passes = code == errno.EIO and times < ATTEMPTS
    shutil.rmtree(broken.project.root / "data" / "lake")
    reached: list[int] = []

    def fail() -> None:
        reached.append(1)
        if len(reached) == 15 or 30 < len(reached) < 30 + times:
            raise OSError(code, os.strerror(code))

    with armed("lake.ingest.read", fail):
        result = broken.project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1])
    assert result.success == passes
    assert len(broken.project.materialized("raw/orders")) == (30 if passes else 29)
    assert broken.project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success


def test_a_stale_rejection_costs_nothing(broken: Broken) -> None:
    record = {"feed": "orders", "partition": DAY, "delivery_version": "v", "code": "drift", "message": "m", "at": ""}
    broken.put(REJECTION, {**record, "after": "an ingestion before"})
    assert broken.project.run("key:raw/orders", DAYS[0], DAYS[-1]).success
    assert broken.project.materialized("raw/orders") == set(DAYS)
