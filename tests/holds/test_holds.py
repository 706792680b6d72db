"""Holds and the circuit breaker as values of an instance."""

from __future__ import annotations

import json
from collections.abc import Iterator

import dagster as dg
import pytest

from platform_assets.failures import Failure, Kind
from platform_assets.holds.breaker import MOST, Step, failures_of, record
from platform_assets.holds.holds import BREAKER, KEY, Hold, HoldsUnreadable, held, hold, release

ORDERS, ITEMS = "raw/orders", "raw/items"


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_a_hold_stands_until_it_is_released_and_the_first_one_counts(instance: dg.DagsterInstance) -> None:
    first = Hold(ORDERS, "wrong sums", "ann", 10.0)
    assert hold(instance, [first, Hold(ITEMS, "wrong sums", "ann", 10.0)], 10.0) != []
    assert hold(instance, [Hold(ORDERS, "another reason", "ben", 11.0)], 11.0) == []
    assert held(instance, 12.0).of([ORDERS, "raw/other"]) == [first]
    assert release(instance, [ORDERS], 13.0, who="ben", why="mended") == [first]
    assert release(instance, [ORDERS], 14.0, who="ben", why="mended") == []
    now = held(instance, 14.0)
    assert list(now.holds) == [ITEMS]
    assert (now.released(ORDERS), now.released(ITEMS)) == (13.0, 0.0)


def test_a_hold_with_an_end_expires(instance: dg.DagsterInstance) -> None:
    hold(instance, [Hold(ORDERS, "a holiday", "ann", 10.0, until=20.0)], 10.0)
    assert [bool(held(instance, at).holds) for at in (19.9, 20.0)] == [True, False]


def test_a_refusal_names_who_why_since_when_and_the_way_out() -> None:
    failure = Hold(ORDERS, "wrong sums", "ann", 0.0, until=86_400.0).failure
    assert failure.kind is Kind.HELD
    assert failure.message == (
        "raw/orders is held by ann since 1970-01-01 00:00:00 UTC, until 1970-01-02 00:00:00 UTC: wrong sums"
    )
    assert "platform-assets release raw/orders --why" in failure.next_step


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "delete that row"),
        ('{"format": 1, "holds": 3}', "delete that row"),
        ('{"format": 2}', "upgrade"),
    ],
)
def test_a_record_that_cannot_be_read_is_an_error_and_nothing_counts_as_free(
    instance: dg.DagsterInstance, text: str, told: str
) -> None:
    instance.run_storage.set_cursor_values({KEY: text})
    with pytest.raises(HoldsUnreadable, match=told):
        held(instance, 1.0)


def step(*failed: Kind, good: int = 0, counts: bool = True, asset: str = ORDERS) -> Step:
    failures = {f"bad{number}": Failure(kind, "code", "it failed") for number, kind in enumerate(failed)}
    return Step(asset, failures, [f"good{number}" for number in range(good)], counts and not good and bool(failed))


BAD = step(Kind.REJECTED)
ROWS: dict[str, tuple[list[Step], bool]] = {
    "four": ([BAD] * 4, False),
    "five": ([BAD] * 5, True),
    "five of several kinds": ([BAD, step(Kind.BUG), step(Kind.CREDENTIALS), BAD, step(Kind.MISCONFIGURED)], True),
    "a success in between": ([BAD] * 4 + [step(good=1)] + [BAD] * 4, False),
    "a step with one good partition": ([BAD] * 4 + [step(Kind.REJECTED, good=1)] + [BAD] * 4, False),
    "of another asset": ([BAD] * 4 + [step(Kind.REJECTED, asset=ITEMS)], False),
    "what will be tried again": ([BAD] * 4 + [step(Kind.INFRASTRUCTURE, counts=False)] * 3, False),
    "and what was in between counts on": ([BAD] * 4 + [step(Kind.INFRASTRUCTURE, counts=False), BAD], True),
    "one step of many partitions": ([step(*[Kind.REJECTED] * 50)], False),
}


@pytest.mark.parametrize("name", ROWS)
def test_failures_in_a_row_hold_an_asset(instance: dg.DagsterInstance, name: str) -> None:
    steps, expected = ROWS[name]
    new = [
        each for at, one in enumerate(steps, 1) for each in record(instance, [one], {ORDERS: 5, ITEMS: 5}, float(at))
    ]
    assert [each.asset for each in new] == ([ORDERS] if expected else [])
    assert (ORDERS in held(instance, 100.0).holds) == expected
    if expected:
        assert (new[0].who, new[0].by_breaker) == (BREAKER, True)
        assert new[0].why.startswith("5 failures in a row (")


def test_a_release_counts_from_zero_again_and_a_policy_of_zero_never_holds(instance: dg.DagsterInstance) -> None:
    for at in range(1, 6):
        record(instance, [BAD], {ORDERS: 5}, float(at))
    release(instance, [ORDERS], 5.5, who="ann", why="mended")
    for at in range(6, 10):
        assert record(instance, [BAD], {ORDERS: 5}, float(at)) == []
    assert record(instance, [BAD], {ORDERS: 0}, 10.0) == []
    assert [each.asset for each in record(instance, [BAD], {ORDERS: 5}, 11.0)] == [ORDERS]


def test_a_good_step_of_a_well_asset_writes_nothing(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform_assets.holds.breaker.change_value", None)
    assert record(instance, [step(good=3)], {ORDERS: 5}, 1.0) == []


def test_the_last_failure_of_each_partition_is_known_until_it_is_good_in_bounded_size(
    instance: dg.DagsterInstance,
) -> None:
    record(instance, [step(Kind.REJECTED, Kind.TIMEOUT)], {}, 1.0)
    kinds = failures_of(instance, [ORDERS])[ORDERS].kinds
    assert {key: last.kind for key, last in kinds.items()} == {"bad0": Kind.REJECTED, "bad1": Kind.TIMEOUT}
    record(instance, [Step(ORDERS, {}, ["bad0"])], {}, 2.0)
    assert list(failures_of(instance, [ORDERS])[ORDERS].kinds) == ["bad1"]
    record(instance, [step(*[Kind.BUG] * 3 * MOST)], {}, 3.0)
    assert len(failures_of(instance, [ORDERS])[ORDERS].kinds) == MOST


@pytest.mark.parametrize("text", ["nonsense", json.dumps({"format": 9}), json.dumps({"format": 1, "row": 1})])
def test_a_count_that_cannot_be_read_begins_anew(instance: dg.DagsterInstance, text: str) -> None:
    instance.run_storage.set_cursor_values({f"platform_assets/failures/{ORDERS}": text})
    record(instance, [BAD], {ORDERS: 5}, 1.0)
    assert len(failures_of(instance, [ORDERS])[ORDERS].row) == 1
