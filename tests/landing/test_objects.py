"""Deliveries found among objects on a real S3 server: settled, replaced, late, withdrawn, and among very many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from demo.object_store import S3Server
from platform_assets.landing import objects as landing_objects
from platform_assets.landing.found import Arrivals, Completeness, Look, Rotation, Watermark
from platform_assets.landing.landing import FileNames
from platform_assets.landing.objects import LandingObjects
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.walk import ROOT
from tests.support.day_names import by_day, parts_of

DAY = "orders/%Y/orders_%Y-%m-%d*.csv"
SECOND = 10**9


@dataclass
class Bucket:
    """A landing place below a URL, and ticks of its sensor one after the other."""

    url: str
    recent: list[str] = field(default_factory=list)
    watermark: Watermark = field(default_factory=Watermark)
    rotation: Rotation = field(default_factory=Rotation)

    def put(self, key: str, text: str = "id\n1\n") -> None:
        obstore.put(from_url(self.url, client_options={"allow_http": True}), key, text.encode())

    def remove(self, key: str) -> None:
        obstore.delete(from_url(self.url, client_options={"allow_http": True}), key)

    def landing(self, pattern: str = DAY, *, settle: float = 0, marker: str | None = None) -> LandingObjects:
        completeness = Completeness(settle, ArrivalPattern(marker) if marker else None)
        names = FileNames(
            "orders", ArrivalPattern(pattern), by_day, completeness,
            parts_of=parts_of, recent_keys=lambda _: self.recent,
        )  # fmt: skip
        return LandingObjects(self.url, names)

    def look(self, *, later: float = 1, limit: int = 2_000, **more: object) -> Look:
        """A look at ``later`` seconds from now; it goes on where the last one ended."""
        now_ns = time.time_ns() + int(later * SECOND)
        look = self.landing().look(
            self.watermark,
            now_ns=now_ns,
            limit=limit,
            rotation=self.rotation,
            **more,  # type: ignore[arg-type]
        )
        self.watermark, self.rotation = look.watermark, look.rotation
        return look


@pytest.fixture
def bucket(store_url: str) -> Bucket:
    return Bucket(f"{store_url}/landing")


@pytest.fixture
def ten_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look lists ten objects of a round."""
    pages = landing_objects.Objects.pages

    def by_ten(objects: landing_objects.Objects, folder: str = "", *, after: str = "") -> Iterator[list[object]]:
        for page in pages(objects, folder, after=after):
            for start in range(0, len(page), 10):
                yield list(page[start : start + 10])

    monkeypatch.setattr(landing_objects.Objects, "pages", by_ten)
    monkeypatch.setattr(landing_objects, "OBJECTS_PER_LOOK", 10)


def wait_for_later_second() -> None:
    """Until what is uploaded now has a later time than what was uploaded before: stores say whole seconds."""
    second = time.time_ns() // SECOND
    while time.time_ns() // SECOND == second:
        time.sleep(0.01)


def names(arrivals: Arrivals, key: str) -> list[str]:
    return [Path(file.path).name for file in arrivals.deliveries[key].files]


def through(bucket: Bucket, find: Callable[[Look], bool], most: int = 30) -> Look:
    """The first look that finds it."""
    for _ in range(most):
        look = bucket.look()
        if find(look):
            return look
    raise AssertionError("no look has found it")


def test_a_delivery_of_several_objects_is_one_delivery(bucket: Bucket) -> None:
    bucket.put("orders/2024/orders_2024-01-01_b.csv")
    bucket.put("orders/2024/orders_2024-01-01_a.csv")
    bucket.put("orders/2024/orders_2024-01-02.csv")
    bucket.put("orders/2024/orders_2024-01-03.csv.part")
    bucket.put("orders/2024/.orders_2024-01-04.csv")
    bucket.put("orders/orders_2024-01-05.csv")
    bucket.put("orders/2024/orders_2024-13-01.csv")
    bucket.put("others/2024/orders_2024-01-06.csv")
    for found in (bucket.landing().deliveries(now_ns=time.time_ns() + SECOND), bucket.look().arrivals):
        assert sorted(found.deliveries) == ["2024-01-01", "2024-01-02"]
        assert names(found, "2024-01-01") == ["orders_2024-01-01_a.csv", "orders_2024-01-01_b.csv"]
        assert found.unmatched == ["orders/2024/orders_2024-13-01.csv"]
        file = found.deliveries["2024-01-02"].files[0]
        assert file.path == f"{bucket.url}/orders/2024/orders_2024-01-02.csv"
        assert (file.size, bool(file.etag)) == (5, True)
    one = bucket.landing().deliveries({"2024-01-02"}, now_ns=time.time_ns() + SECOND)
    assert list(one.deliveries) == ["2024-01-02"]


def test_the_version_is_that_of_the_bytes(bucket: Bucket) -> None:
    key = "orders/2024/orders_2024-01-01.csv"

    def version() -> str:
        bucket.put(key, text)
        return bucket.look().arrivals.deliveries["2024-01-01"].version

    text = "id\n1\n"
    first = version()
    # an e-tag of Azure is another one with each upload, and the bytes decide
    assert (version() == first) == bucket.url.startswith("s3")
    text = "id\n2\n"
    assert version() != first


def test_objects_settle_and_a_marker_says_that_all_are_there(bucket: Bucket) -> None:
    bucket.put("orders/2024/orders_2024-01-01.csv")
    young = bucket.landing(settle=60).look(Watermark(), now_ns=time.time_ns(), limit=10)
    assert young.arrivals.deliveries == {}
    assert "60 seconds" in young.arrivals.waiting["2024-01-01"]
    later = bucket.landing(settle=60).look(Watermark(), now_ns=time.time_ns() + 61 * SECOND, limit=10)
    assert list(later.arrivals.deliveries) == ["2024-01-01"]
    marked = bucket.landing(settle=60, marker="done/%Y-%m-%d")
    waiting = marked.look(Watermark(), now_ns=time.time_ns() + 61 * SECOND, limit=10).arrivals.waiting
    assert "says that it is complete" in waiting["2024-01-01"]
    bucket.put("done/2024-01-01", "")
    found = marked.look(Watermark(), now_ns=time.time_ns() + SECOND, limit=10).arrivals
    assert names(found, "2024-01-01") == ["orders_2024-01-01.csv"]


def test_a_round_comes_to_every_object_and_begins_anew(bucket: Bucket, ten_a_look: None) -> None:
    for day in range(1, 29):
        bucket.put(f"orders/2024/orders_2024-02-{day:02}.csv")
    seen: list[set[str]] = []
    for _ in range(3):
        seen.append(set(bucket.look().new))
    assert [len(keys) for keys in seen] == [10, 10, 8]
    assert bucket.rotation.at is None
    bucket.put("orders/2024/orders_2024-02-29.csv")
    assert "2024-02-29" in through(bucket, lambda look: "2024-02-29" in look.new, most=3).arrivals.deliveries
    bucket.put("orders/2023/orders_2023-01-01.csv")
    late = through(bucket, lambda look: "2023-01-01" in look.new, most=4)
    assert names(late.arrivals, "2023-01-01") == ["orders_2023-01-01.csv"]


def test_what_changed_long_ago_is_not_looked_at_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_objects, "CLOCKS_NS", 0)
    for day in range(1, 6):
        bucket.put(f"orders/2024/orders_2024-02-{day:02}.csv")
    assert len(bucket.look(later=5).new) == 5
    assert not bucket.look(later=6).new
    assert not bucket.look(later=7).arrivals.deliveries


def test_objects_of_these_days_are_seen_by_every_look(bucket: Bucket, ten_a_look: None) -> None:
    for day in range(1, 29):
        bucket.put(f"orders/2024/orders_2024-02-{day:02}.csv")
    bucket.look()
    bucket.recent = ["2024-12-30", "2024-12-31"]
    bucket.put("orders/2024/orders_2024-12-31.csv")
    look = bucket.look()
    assert "2024-12-31" in look.arrivals.deliveries
    assert "2024-12-31" in look.new


def test_objects_of_partitions_that_never_came_are_seen_by_every_look(bucket: Bucket, ten_a_look: None) -> None:
    for day in range(1, 29):
        bucket.put(f"orders/2024/orders_2024-02-{day:02}.csv")
    bucket.look()
    bucket.put("orders/2023/orders_2023-12-31.csv")
    look = bucket.look(missing=lambda: ["2023-12-31", "2023-12-30"])
    assert "2023-12-31" in look.new


@pytest.mark.slow
def test_a_bounded_number_is_looked_at_and_none_is_lost(bucket: Bucket, ten_a_look: None) -> None:
    for day in range(1, 29):
        bucket.put(f"orders/2024/orders_2024-02-{day:02}.csv")
        bucket.put(f"orders/2024/orders_2024-02-{day:02}_b.csv")
    seen: set[str] = set()
    for _ in range(7):
        look = bucket.look(limit=5)
        assert len(look.arrivals.deliveries) <= 10
        seen |= look.new
        assert all(len(delivery.files) == 2 for delivery in look.arrivals.deliveries.values())
    assert len(seen) == 28


def test_a_look_through_everything_goes_on_where_it_was(bucket: Bucket, ten_a_look: None) -> None:
    for day in range(1, 29):
        bucket.put(f"orders/2024/orders_2024-02-{day:02}.csv")
    again: Watermark | None = Watermark()
    found: list[str] = []
    while again is not None:
        look = bucket.landing().look(
            Watermark(time.time_ns() + SECOND), now_ns=time.time_ns(), limit=1, again=again, again_limit=10,
            rotation=Rotation("zzz", 1, 1),
        )  # fmt: skip
        again = look.again
        found += look.arrivals.deliveries
    assert found == [f"2024-02-{day:02}" for day in range(1, 29)]


@pytest.mark.slow
def test_what_was_taken_away_or_replaced_is_noticed_and_what_was_added_is_none_of_it(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing_objects, "CLOCKS_NS", 0)
    for day in range(1, 4):
        bucket.put(f"orders/2024/orders_2024-02-{day:02}.csv")
    wait_for_later_second()
    first = bucket.look(later=0).folders
    wait_for_later_second()
    bucket.put("orders/2024/orders_2024-02-04.csv")
    assert bucket.look(later=0).folders == first
    wait_for_later_second()
    assert bucket.look(later=0).folders == first
    bucket.remove("orders/2024/orders_2024-02-02.csv")
    assert bucket.look(later=0).folders != first
    files = bucket.landing().deliveries({"2024-02-01"}, now_ns=time.time_ns() + SECOND).deliveries["2024-02-01"].files
    assert not bucket.landing().lacks(files)
    bucket.remove("orders/2024/orders_2024-02-01.csv")
    assert bucket.landing().lacks(files)


@pytest.mark.parametrize("store_url", ["s3"], indirect=True)
def test_a_key_that_no_client_can_read_is_reported_and_nothing_is_taken(bucket: Bucket, s3: S3Server) -> None:
    bucket.put("orders/2024/orders_2024-01-01.csv")
    s3.put(f"{bucket.url}/orders/2024//orders_2024-01-02.csv", b"id\n1\n")
    look = bucket.look(keys=["2024-01-01"])
    assert list(look.arrivals.faults) == [ROOT]
    assert "orders/2024//orders_2024-01-02.csv" in look.arrivals.faults[ROOT]
    assert look.arrivals.hindered == {"2024-01-01"}
    assert look.rotation == Rotation()


def test_a_bucket_that_is_not_there_is_a_fault_and_no_empty_place(bucket: Bucket) -> None:
    bucket.url = f"{bucket.url.partition('://')[0]}://no-such-bucket-of-ours/landing"
    look = bucket.look(keys=["2024-01-01"])
    assert "there is no such bucket" in look.arrivals.faults[ROOT]
    assert look.arrivals.hindered == {"2024-01-01"}
    assert bucket.landing().deliveries({"2024-01-01"}, now_ns=0).hindered == {"2024-01-01"}


def test_a_round_goes_on_however_slow_the_store_is(
    bucket: Bucket, ten_a_look: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing_objects, "SECONDS_PER_LOOK", 0)
    for day in range(1, 29):
        bucket.put(f"orders/2024/orders_2024-02-{day:02}.csv")
    seen: set[str] = set()
    for _ in range(3):
        seen |= bucket.look().new
    assert len(seen) == 28
