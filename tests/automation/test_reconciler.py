"""When a delivery that is not published is asked for again, by the values of one tick."""

from __future__ import annotations

from platform_assets.automation.reconciler import PROBES, Asked, Situation, Standing, due, reconcile
from platform_assets.lake.deliveries import Delivery
from platform_assets.partition_key import PartitionKey

SECOND = 10**9
KEYS = [f"d{number}" for number in range(9)]


def situation(now: int, standing: dict[str, Standing], looked: set[str]) -> Situation:
    deliveries = {key: Delivery("f", PartitionKey(key), ()) for key in standing}
    return Situation(now, deliveries, standing, looked=looked)


def test_a_few_are_tried_ahead_of_their_time_in_turns() -> None:
    """All of them have failed four times, and would be asked for again in a quarter of an hour."""
    version = Delivery("f", PartitionKey("d0"), ()).version
    asked = {key: Asked(version, 4, (900 + number) * SECOND) for number, key in enumerate(KEYS)}
    assert due(asked, 10 * SECOND) == set()
    tried: list[str] = []
    for now in range(60, 241, 60):
        keys = due(asked, now * SECOND)
        assert len(keys) <= PROBES
        decision = reconcile(asked, situation(now * SECOND, dict.fromkeys(keys, Standing.ABSENT), keys))
        assert {request.delivery.partition for request in decision.requests} == keys
        tried += sorted(keys)
        asked = dict(decision.asked)
    assert tried[: len(KEYS)] == KEYS


def test_once_one_is_published_the_others_are_due() -> None:
    version = Delivery("f", PartitionKey("d0"), ()).version
    asked = {key: Asked(version, 5, 3600 * SECOND) for key in KEYS}
    decision = reconcile(asked, situation(60 * SECOND, {"d0": Standing.PUBLISHED}, {"d0"}))
    assert decision.recovered
    assert due(decision.asked, 90 * SECOND) == set(KEYS[1:])


def test_what_is_published_at_once_makes_nothing_else_due() -> None:
    version = Delivery("f", PartitionKey("d0"), ()).version
    asked = {"d0": Asked(version, 1, 60 * SECOND), "d1": Asked(version, 5, 3600 * SECOND)}
    decision = reconcile(asked, situation(60 * SECOND, {"d0": Standing.PUBLISHED}, {"d0"}))
    assert not decision.recovered
    assert decision.asked == {"d1": asked["d1"]}
