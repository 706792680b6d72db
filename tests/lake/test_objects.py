"""A lake below a URL, on a real S3 server: who loses a race learns of it, and what nobody needs is removed."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.failpoints import armed
from platform_assets.failures import Kind, failure_of
from platform_assets.lake.errors import RecordTooNew, RecordUnreadable
from platform_assets.lake.locations import open_lake
from platform_assets.lake.objects import Overtaken
from platform_assets.lake.quarantine_places import ObjectPlace, Quarantines
from platform_assets.lake.versions import data_of, key_of, newest
from platform_assets.stores.errors import NoSuchStore
from platform_assets.stores.objects import InvalidUrl, Objects
from tests.lake.test_stage_commit_reject import COLUMNS, Crash, table, words
from tests.support.lake import in_stores

DAY = "2013-01-01"


def with_the_lake(objects: Objects) -> Quarantines:
    return Quarantines(ObjectPlace(objects))


NONE = dt.timedelta(0)


def crash() -> None:
    raise Crash


def once(action: Callable[[], None]) -> Callable[[], None]:
    """The action the first time, and nothing later, so that it can pass the same point itself."""
    left = [action]
    return lambda: left.pop()() if left else None


@pytest.mark.slow
@in_stores
def test_of_many_writers_at_once_each_is_committed_or_told(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS)
    files = [lake.file(f"{number}.csv", table(str(number), 40)) for number in range(8)]
    ready, reported = threading.Barrier(len(files)), []

    def write(number: int) -> None:
        ready.wait()
        try:
            lake.ingest(contract, files[number])
        except Overtaken as error:
            reported.append(failure_of(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    version = newest(Objects(lake.url), "feed", DAY)
    assert version.number + len(reported) == len(files), "each is a version, or was reported as overtaken"
    assert all((each.kind, each.code) == (Kind.INFRASTRUCTURE, "lake:overtaken") for each in reported)
    assert len(words(lake)) == 1


@pytest.mark.slow
@in_stores
def test_a_writer_that_was_overtaken_changes_nothing(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS)
    slow, quick = lake.file("slow.csv", table("slow")), lake.file("quick.csv", table("quick"))

    def overtake() -> None:
        lake.ingest(contract, quick)

    with armed("lake.commit.before_rename", once(overtake)), pytest.raises(Overtaken):
        lake.ingest(contract, slow)
    assert words(lake) == {"quick"}
    lake.ingest(contract, slow)
    assert words(lake) == {"slow"}


@in_stores
def test_an_answer_that_was_lost_is_no_lost_race(lake: Any) -> None:
    objects = Objects(lake.url)
    assert objects.create("a", b"mine")
    assert objects.create("a", b"mine"), "the store has it: the first answer got lost"
    assert not objects.create("a", b"another one's")
    assert objects.read("a") == b"mine"


@in_stores
def test_a_sweep_removes_what_killed_writers_left(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract, objects = make_contract(COLUMNS), Objects(lake.url)
    lake.ingest(contract, lake.file("a.csv", table("old")))
    before = set(data_of(objects, with_the_lake(objects), "feed", DAY))
    with armed("lake.commit.before_rename", crash), pytest.raises(Crash):
        lake.ingest(contract, lake.file("b.csv", table("new")))
    left = set(data_of(objects, with_the_lake(objects), "feed", DAY)) - before
    assert len(left) == 2, "Parquet and a quarantine"
    young = CliRunner().invoke(main, ["lake", "sweep", "--lake", lake.url])
    assert (young.exit_code, set(data_of(objects, with_the_lake(objects), "feed", DAY))) == (0, before | left), (
        young.output
    )
    done = CliRunner().invoke(main, ["lake", "sweep", "feed", "--older-than", "0", "--lake", lake.url])
    assert (done.exit_code, set(data_of(objects, with_the_lake(objects), "feed", DAY))) == (0, before), done.output
    assert f"feed {DAY}: 2 objects removed" in done.output
    assert words(lake) == {"old"}


@pytest.mark.slow
@in_stores
def test_a_writer_under_which_was_swept_begins_anew(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS)
    lake.ingest(contract, lake.file("a.csv", table("old")))
    slow = lake.file("b.csv", table("slow"))

    def swept() -> None:
        assert open_lake(lake.url).sweep("feed", DAY, older_than=NONE)

    with armed("lake.commit.before_rename", once(swept)), pytest.raises(Overtaken):
        lake.ingest(contract, slow)
    assert words(lake) == {"old"}
    lake.ingest(contract, slow)
    assert words(lake) == {"slow"}


@pytest.mark.slow
@in_stores
def test_a_listing_that_lags_hides_no_version(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = make_contract(COLUMNS)
    lake.ingest(contract, lake.file("a.csv", table("1")))
    behind = {folder: list(Objects(lake.url).listed(folder)) for folder in ("feed/2013-01-01/versions",)}
    lake.ingest(contract, lake.file("a.csv", table("22")))
    listed = Objects.listed
    monkeypatch.setattr(
        Objects, "listed", lambda self, folder="", **more: iter(behind.get(folder) or listed(self, folder, **more))
    )
    assert words(lake) == {"22"}
    lake.ingest(contract, lake.file("a.csv", table("333")))
    assert words(lake) == {"333"}


@in_stores
def test_records_that_cannot_be_read_are_named(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract, objects = make_contract(COLUMNS), Objects(lake.url)
    path = lake.file("a.csv", table("x"))
    lake.ingest(contract, path)
    assert objects.create(key_of(f"feed/{DAY}", 2), b"{")
    with pytest.raises(RecordUnreadable, match=r"://.*versions/0000000002\.json"):
        lake.store.manifest("feed", DAY)
    lake.ingest(contract, path)
    assert words(lake) == {"x"}, "the next ingestion is the mending"
    assert objects.create(key_of(f"feed/{DAY}", 4), b'{"format": 99}')
    with pytest.raises(RecordTooNew, match="later version"):
        lake.ingest(contract, path)


@pytest.mark.slow
@in_stores
def test_a_version_that_was_restored_is_the_newest(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract, objects = make_contract(COLUMNS), Objects(lake.url)
    lake.ingest(contract, lake.file("a.csv", table("old")))
    lake.ingest(contract, lake.file("a.csv", table("new")))
    older = objects.read(key_of(f"feed/{DAY}", 1))
    assert older is not None
    assert objects.create(key_of(f"feed/{DAY}", 3), older)
    assert words(lake) == {"old"}
    lake.ingest(contract, lake.file("a.csv", table("newest")))
    assert words(lake) == {"newest"}


@in_stores
def test_a_rejection_forgets_no_record_that_cannot_be_read(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract, objects = make_contract(COLUMNS, terms={"quarantineLimit": 0.2}), Objects(lake.url)
    lake.ingest(contract, lake.file("a.csv", table("x")))
    assert objects.create(key_of(f"feed/{DAY}", 2), b"{")
    with pytest.raises(RecordUnreadable):
        lake.ingest(contract, lake.file("b.csv", "n,t\n1,new\nx,new\n"))
    assert newest(objects, "feed", DAY).number == 2


@pytest.mark.slow
@in_stores
def test_names_of_any_kind_come_back(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract, names = make_contract(COLUMNS), ["EU/2013", "a b=c", "ünï", "x" * 300]
    for name in names:
        lake.ingest(contract, lake.file("a.csv", table("x", 5)), partition=name)
    folders = lake.store.partition_names("feed")
    assert sorted(lake.store.partition_of("feed", folder) for folder in folders) == sorted(names)
    assert lake.store.feeds() == ["feed"]


@in_stores
def test_a_bucket_that_is_not_there_is_named(lake: Any, make_contract: Callable[..., Any]) -> None:
    lake.url = f"{lake.url.partition('://')[0]}://no-such-bucket-here/lake"
    with pytest.raises(NoSuchStore, match=lake.url):
        lake.ingest(make_contract(COLUMNS), lake.file("a.csv", table("x")))


@pytest.mark.parametrize("url", ["s3://", "s3://user:word@bucket/x", "s3://bucket/x?sig=word"])
def test_a_url_with_more_than_a_place_is_refused_without_its_text(url: str) -> None:
    with pytest.raises(InvalidUrl) as refused:
        open_lake(url)
    assert "word" not in str(refused.value).replace("password", "")
