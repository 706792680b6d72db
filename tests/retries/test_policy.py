"""The retry policy as a table: for every kind of failure and each layer the exact attempts and delays."""

from __future__ import annotations

import pytest

from platform_assets.failures import Kind, PlatformError
from platform_assets.retries import in_run
from platform_assets.retries.in_run import Tries, retried
from platform_assets.retries.policy import DEFAULT, LAYERS, Backoff, Layer, Policies, Policy, seeded

HOUR = 3600.0
NONE: tuple[float, ...] = ()
TABLE: dict[Kind, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    Kind.NOT_DELIVERED: (NONE, NONE, (300.0, 600.0, 1200.0, 2400.0, HOUR)),
    Kind.REJECTED: (NONE, NONE, NONE),
    Kind.MISCONFIGURED: (NONE, NONE, NONE),
    Kind.CREDENTIALS: (NONE, NONE, NONE),
    Kind.INFRASTRUCTURE: ((1.0, 2.0), (30.0, 120.0), (60.0, 600.0)),
    Kind.TIMEOUT: (NONE, (60.0,), (300.0,)),
    Kind.MEMORY: (NONE, (30.0,), (60.0,)),
    Kind.HELD: (NONE, NONE, NONE),
    Kind.BUG: (NONE, NONE, NONE),
}
"""Seconds before each further attempt in the run, by run retries and by automation, without jitter."""


def never() -> float:
    return 0.0


def test_the_table_is_of_every_kind() -> None:
    assert set(TABLE) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("place", "layer"), list(enumerate(Layer)))
def test_attempts_and_delays_of_every_kind_in_each_layer(kind: Kind, place: int, layer: Layer) -> None:
    expected = TABLE[kind][place]
    assert DEFAULT.delays(kind, layer, never) == expected
    assert DEFAULT.attempts(kind, layer) == len(expected) + 1


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("outer", [Layer.RUN_RETRIES, Layer.AUTOMATION])
def test_the_attempts_of_all_layers_add_up(kind: Kind, outer: Layer) -> None:
    """The next run tries once: 3 + 2 attempts for the infrastructure, 1 + 1 with more, 1 for what no retry mends."""
    total = DEFAULT.attempts(kind, Layer.IN_RUN) + DEFAULT.attempts(kind, outer) - 1
    most = {Kind.INFRASTRUCTURE: 5, Kind.TIMEOUT: 2, Kind.MEMORY: 2}
    if kind is Kind.NOT_DELIVERED:
        assert total == (6 if outer is Layer.AUTOMATION else 1)
    else:
        assert total == most.get(kind, 1)


def test_kinds_that_are_retried_are_those_with_attempts() -> None:
    assert {kind for kind, _ in DEFAULT.backoffs} == set(LAYERS)
    assert {kind for kind in Kind if kind.retryable} == set(LAYERS) - {Kind.NOT_DELIVERED}


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (Backoff(1), ()),
        (Backoff(4, 1, 2, 100, 0), (1, 2, 4)),
        (Backoff(5, 10, 10, 500, 0), (10, 100, 500, 500)),
        (Backoff(3, 0, 2, 0, 0), (0, 0)),
    ],
)
def test_waits_grow_by_the_factor_up_to_the_cap(backoff: Backoff, expected: tuple[float, ...]) -> None:
    assert backoff.delays(lambda: 1.0) == expected


def test_jitter_shortens_by_its_share_and_comes_from_the_given_source() -> None:
    backoff = Backoff(4, 100, 2, 300, 0.5)
    assert backoff.delays(lambda: 1.0) == (50, 100, 150)
    assert backoff.delays(seeded("a", "b")) == backoff.delays(seeded("a", "b")) != backoff.delays(seeded("c"))
    assert all(
        least <= wait <= 2 * least for wait, least in zip(backoff.delays(seeded("x")), (50, 100, 150), strict=True)
    )


def test_a_number_of_attempts_beyond_all_measure_does_not_overflow() -> None:
    assert Backoff(2, 60, 100, 3600, 0).delay(10**6, never) == 3600


def test_the_first_pattern_that_fits_gives_the_policy() -> None:
    one, other = Policy({}, failures=1), Policy({}, failures=2)
    policies = Policies(by_pattern=(("raw/orders", one), ("raw/*", other)))
    assert [policies.of(asset).failures for asset in ("raw/orders", "raw/items", "lake/orders")] == [1, 2, 5]
    assert policies.digest("raw/orders") != policies.digest("raw/items")
    assert policies.digest("lake/orders") == Policies().digest("lake/orders")


class Failed(PlatformError):
    """A failure of whichever kind."""

    def __init__(self, kind: Kind) -> None:
        super().__init__("it failed")
        self.kind = kind


class Waited(Failed):
    """One at the end of a long wait."""

    has_waited = True


def tried(
    monkeypatch: pytest.MonkeyPatch, errors: list[BaseException], *, repeated: bool = False
) -> tuple[int, list[float]]:
    """The tries of work that ends in these errors one after the other, and the seconds waited in between."""
    waits: list[float] = []
    monkeypatch.setattr(in_run, "pause", waits.append)
    count = 0

    def work() -> None:
        nonlocal count
        count += 1
        raise errors[min(count, len(errors)) - 1]

    with pytest.raises(type(errors[min(len(waits), len(errors) - 1)])):
        retried(work, what="work", tries=Tries(random=never, repeated=repeated))
    return count, waits


@pytest.mark.parametrize("kind", Kind)
def test_what_the_run_itself_does(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    expected = TABLE[kind][0]
    assert tried(monkeypatch, [Failed(kind)]) == (len(expected) + 1, [*expected])
    assert tried(monkeypatch, [Failed(kind)], repeated=True) == (1, [])
    assert tried(monkeypatch, [Waited(kind)]) == (1, [])


def test_each_failure_is_held_against_the_policy_of_its_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(monkeypatch, [Failed(Kind.INFRASTRUCTURE), Failed(Kind.REJECTED)]) == (2, [1.0])
    assert tried(monkeypatch, [KeyboardInterrupt()]) == (1, [])
