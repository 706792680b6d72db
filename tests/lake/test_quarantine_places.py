"""Quarantines at a place of their own, and their retention: purged rows are said to be purged, at every kill too."""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from demo.object_store import S3Server
from platform_assets.cli.main import main
from platform_assets.environment import InvalidEnvironment, quarantine_location, read_environment
from platform_assets.failpoints import armed
from platform_assets.ingestion.ingestor import Ingestor
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.objects import Overtaken
from platform_assets.lake.purging import purge_partition
from platform_assets.lake.quarantine_places import QuarantineElsewhere
from platform_assets.lake.quarantined import read_quarantine
from platform_assets.lake.stage_commit_reject import opened
from platform_assets.lake.store import Lake as LakeStore
from tests.lake.test_objects import crash
from tests.lake.test_stage_commit_reject import Crash
from tests.support.lake import KEY, Lake, everywhere

DAY, OTHER = "2013-01-01", "2013-01-02"
NOW = dt.timedelta(0)
COLUMNS = [{"name": "id", "logicalType": "integer"}]
BAD = "id\n1\nnever-an-id\n"
POINTS = ("lake.purge.before_records", "lake.purge.between_records", "lake.purge.before_removal")


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for quarantines: a folder, or a URL."""
    if request.param == "folder":
        return str(tmp_path / "elsewhere")
    server: S3Server = request.getfixturevalue("s3")
    for name, value in server.variables.items():
        request.getfixturevalue("monkeypatch").setenv(name, value)
    return f"{server.bucket()}/elsewhere"


def call(lake: Lake, *words: str) -> Result:
    places = ["--lake", str(lake.store), *(["--quarantine", lake.quarantine] if lake.quarantine else [])]
    return CliRunner().invoke(main, ["quarantine", *words, *places], catch_exceptions=False)


def files(store: LakeStore, partition: str = DAY) -> list[str]:
    return sorted(store.quarantines.listed("feed", partition))


def reject(lake: Lake, make_contract: Callable[..., Any], partition: str = DAY) -> None:
    strict = make_contract(COLUMNS, terms={"quarantineLimit": 0})
    with pytest.raises(DeliveryRejected):
        lake.ingest(strict, lake.file("rejected.csv", "id\n5\nnor-this\nnor-that\n"), partition=partition)


@everywhere
def test_rows_are_quarantined_at_the_place(lake: Lake, make_contract: Callable[..., Any], place: str) -> None:
    lake = replace(lake, quarantine=place)
    manifest = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD))
    assert manifest.quarantine_file == f"feed/{DAY}/{manifest.ingestion}.jsonl"
    assert [row.raw for row in lake.quarantined()] == ["never-an-id"]
    beside = replace(lake, quarantine="").store
    assert files(beside) == []
    with pytest.raises(QuarantineElsewhere, match="PLATFORM_QUARANTINE"):
        read_quarantine(beside, "feed", DAY)
    again = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD + "another\n"))
    kept = {again.quarantine_file} if not lake.url else {manifest.quarantine_file, again.quarantine_file}
    assert set(files(lake.store)) == kept, "a lake of objects keeps those of the version before"
    if not place.startswith("s3"):
        (path,) = (found for found in Path(place).rglob("*.jsonl") if again.ingestion in found.name)
        assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)] == [0o600, 0o700]


@everywhere
def test_a_lake_that_is_given_a_place_later_still_reads_what_lies_with_it(
    lake: Lake, make_contract: Callable[..., Any], tmp_path: Path
) -> None:
    lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD))
    lake = replace(lake, quarantine=str(tmp_path / "elsewhere"))
    assert [row.raw for row in lake.quarantined()] == ["never-an-id"]
    lake.ingest(make_contract(COLUMNS), lake.file("a.csv", "id\n1\nx\n"))
    assert [row.raw for row in lake.quarantined()] == ["x"]
    assert purge_partition(lake.store, "feed", DAY, older_than=NOW) is not None
    assert [name for name in files(lake.store) if not lake.url] == []
    assert lake.quarantined() == []


@everywhere
def test_what_is_older_than_the_retention_is_purged_and_said_to_be(
    lake: Lake, make_contract: Callable[..., Any], place: str
) -> None:
    lake = replace(lake, quarantine=place)
    made = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD))
    lake.ingest(make_contract(COLUMNS), lake.file("b.csv", "id\n1\n"), partition=OTHER)
    young = call(lake, "purge", "--older-than", "1")
    assert (young.exit_code, "0 rows in 0 files purged" in young.output) == (0, True), young.output
    tried = call(lake, "purge", "feed", "--older-than", "0", "--dry-run")
    assert f"feed {DAY}: 1 row in 1 file would be purged" in tried.output
    assert lake.store.manifest("feed", DAY) == made
    done = call(lake, "purge", "--older-than", "0")
    assert (done.exit_code, f"feed {DAY}: 1 row in 1 file purged" in done.output) == (0, True), done.output
    after = lake.store.manifest("feed", DAY)
    assert after is not None
    assert after == replace(made, quarantine_file=None, rows_purged=1, purged_at=after.purged_at)
    assert files(lake.store) == []
    shown = call(lake, "show", "feed", DAY)
    assert (shown.exit_code, "1 row was quarantined and purged at" in shown.output) == (0, True), shown.output
    assert "rows purged at" in call(lake, "list").output
    assert "0 rows in 0 files purged" in call(lake, "purge", "--older-than", "0").output
    unchanged = lake.ingest(make_contract(COLUMNS), lake.landing / "b.csv", partition=OTHER)
    assert unchanged.rows_purged == 0


@everywhere
def test_rows_of_a_rejection_are_purged_beside_the_manifests(lake: Lake, make_contract: Callable[..., Any]) -> None:
    made = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD))
    reject(lake, make_contract)
    done = purge_partition(lake.store, "feed", DAY, older_than=NOW)
    assert done is not None
    assert (done.rows, done.left) == (3, "")
    rejection, manifest = lake.store.rejection("feed", DAY), lake.store.manifest("feed", DAY)
    assert rejection is not None, "it still stands"
    assert manifest is not None
    assert (rejection.rows_purged, manifest.rows_purged, manifest.ingestion) == (2, 1, made.ingestion)
    assert files(lake.store) == []
    assert "2 rows were quarantined and purged" in call(lake, "show", "feed", DAY).output


@everywhere
@pytest.mark.parametrize("point", POINTS)
def test_killed_while_it_purges_no_record_names_what_is_gone(
    lake: Lake, make_contract: Callable[..., Any], point: str
) -> None:
    lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD))
    reject(lake, make_contract)
    if lake.url and point == POINTS[1]:
        point = POINTS[0]  # both records are one object there
    with armed(point, crash), pytest.raises(Crash):
        purge_partition(lake.store, "feed", DAY, older_than=NOW)
    for record in (lake.store.manifest("feed", DAY), lake.store.rejection("feed", DAY)):
        assert record is not None
        assert record.quarantine_file is None or lake.store.quarantined_rows(record.quarantine_file, None)
    for name in files(lake.store):
        if not lake.url:  # what no record names is purged once no run can be about to commit it
            os.utime(lake.path / name, (0, 0))
    purge_partition(lake.store, "feed", DAY, older_than=NOW)
    assert lake.url or files(lake.store) == []
    assert read_quarantine(lake.store, "feed", DAY) == []


def test_a_partition_that_a_run_is_writing_is_left(lake: Lake, make_contract: Callable[..., Any]) -> None:
    lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD))
    with opened(lake.path, "feed", DAY):
        done = call(lake, "purge", "--older-than", "0")
    assert (done.exit_code, "a run is writing it" in done.output) == (1, True), done.output
    assert len(lake.quarantined()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("lake", ["s3"], indirect=True)
def test_a_run_below_a_url_keeps_its_rows_and_begins_anew(lake: Lake, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS)
    lake.ingest(contract, lake.file("a.csv", BAD))
    slow = lake.file("b.csv", "id\n2\nslow-row\n")
    purges = [lambda: purge_partition(lake.store, "feed", DAY, older_than=NOW)]
    with armed("lake.commit.before_rename", lambda: purges and purges.pop()()), pytest.raises(Overtaken):
        lake.ingest(contract, slow)
    assert len(files(lake.store)) == 1, "what it has uploaded is younger than any that is left"
    lake.ingest(contract, slow)
    assert [row.raw for row in lake.quarantined()] == ["slow-row"]


def test_an_old_rejection_stands_when_the_manifest_is_written_anew(
    lake: Lake, make_contract: Callable[..., Any]
) -> None:
    """A rejection without the field `after` counts by its time, which a manifest written anew would overtake."""
    lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD))
    reject(lake, make_contract)
    path = lake.path / "feed" / DAY / "rejected.json"
    rejection = lake.store.rejection("feed", DAY)
    assert rejection is not None
    path.write_bytes(replace(rejection, after=None).to_json())
    purge_partition(lake.store, "feed", DAY, older_than=NOW)
    assert lake.store.rejection("feed", DAY) is not None


def test_a_rejection_names_the_place_of_its_rows(lake: Lake, make_contract: Callable[..., Any], tmp_path: Path) -> None:
    lake = replace(lake, quarantine=str(tmp_path / "else where"))
    strict = make_contract(COLUMNS, terms={"quarantineLimit": 0})
    with (
        Ingestor(lake=lake.store, pseudonym_key=KEY) as ingestor,
        pytest.raises(DeliveryRejected, match=r"--quarantine '.*else where'"),
    ):
        ingestor.ingest(contract=strict, delivery=lake.delivery(lake.file("a.csv", BAD)))


@pytest.mark.parametrize("given", ["lake", "lake/deeper", ".", "lake/../lake/x"])
def test_a_place_in_the_lake_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidEnvironment, match="PLATFORM_QUARANTINE: neither"):
        quarantine_location(given, lake=str(tmp_path / "lake"), folder=tmp_path, name="PLATFORM_QUARANTINE")


def test_the_variables_are_read(tmp_path: Path) -> None:
    found = read_environment({"PLATFORM_QUARANTINE": "q", "PLATFORM_QUARANTINE_DAYS": "30"}, cwd=tmp_path)
    assert (found.quarantine, found.quarantine_days) == (str(tmp_path / "q"), 30)
    url = read_environment({"PLATFORM_QUARANTINE": "s3://bucket/q", "PLATFORM_LAKE": "s3://bucket/lake"}, cwd=tmp_path)
    assert url.quarantine == "s3://bucket/q"
    assert read_environment({}, cwd=tmp_path).quarantine is None
    with pytest.raises(InvalidEnvironment, match="PLATFORM_QUARANTINE_DAYS is 'soon'"):
        read_environment({"PLATFORM_QUARANTINE_DAYS": "soon"}, cwd=tmp_path)


def test_without_a_retention_nothing_is_purged(
    lake: Lake, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLATFORM_QUARANTINE_DAYS", raising=False)
    lake.ingest(make_contract(COLUMNS), lake.file("a.csv", BAD))
    refused = call(lake, "purge")
    assert (refused.exit_code, "no retention is set" in refused.output) == (1, True)
    monkeypatch.setenv("PLATFORM_QUARANTINE_DAYS", "0")
    assert "1 row in 1 file purged" in call(lake, "purge").output
