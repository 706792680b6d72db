"""Which deliveries a run is asked for, now and again, until each is published or rejected.

What lies in the landing folder is compared with what the lake and the ledger hold of it. Whatever is not there is
asked for, again and again with a growing distance, until it is. Plain values only: ``arrival_sensor`` gathers them and
carries the decision out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from platform_assets.lake.deliveries import Delivery

MINUTE_NS = 60 * 10**9
DISTANCES = tuple(minutes * MINUTE_NS for minutes in (1, 2, 5, 15, 60))
"""How long after a request the next one for the same delivery comes, by the number of tries; then always the last."""

PROBES = 3
"""How many deliveries of a feed a tick asks for ahead of their time."""

PROBE_NS = 45 * 10**9
SLOW_PROBE_NS = 5 * MINUTE_NS
PATIENCE = 120
"""Probes come at every other tick; after so many tries of a delivery, it is one at the slower pace."""

MOST = 200
"""Partitions that a cursor remembers as asked for; the others are found by a look through everything."""

OFTEN = len(DISTANCES)
"""Tries after which a partition gives its place in the cursor to another one."""


def _distance(tries: int) -> int:
    return DISTANCES[min(max(tries, 1), len(DISTANCES)) - 1]


class Standing(Enum):
    """Where a delivery stands. ``UNKNOWN``: the lake holds it, and the ledger could not be asked."""

    PUBLISHED = "published"
    REJECTED = "rejected"
    ABSENT = "absent"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        return self in (Standing.PUBLISHED, Standing.REJECTED)


@dataclass(frozen=True)
class Asked:
    """A delivery that was asked for ``tries`` times and is not confirmed; it is looked at again at ``next_ns``."""

    version: str
    tries: int
    next_ns: int

    @property
    def asked_ns(self) -> int:
        """When it was asked for last."""
        return self.next_ns - _distance(self.tries)

    def may_probe(self, now_ns: int) -> bool:
        """Whether it can be asked for ahead of its time, to find out whether its cause is gone."""
        return self.tries > 0 and now_ns - self.asked_ns >= (PROBE_NS if self.tries < PATIENCE else SLOW_PROBE_NS)

    def is_due(self, now_ns: int) -> bool:
        """Whether it is time to look at it. No distance is so long that it explains a time much later than now."""
        return self.next_ns <= now_ns or self.next_ns > now_ns + 2 * DISTANCES[-1]


@dataclass(frozen=True)
class Request:
    """A delivery that a run is asked for, for the first time if ``tries`` is 1."""

    delivery: Delivery
    tries: int


@dataclass(frozen=True)
class Situation:
    """What one tick knows.

    ``deliveries`` are those that were looked at, each with its ``standing``; ``new`` are the partitions in which a file
    has changed. ``waiting`` are deliveries that are not complete, ``running`` partitions of runs that are queued or in
    progress. Of the due partitions only those in ``looked`` were looked at.
    """

    now_ns: int
    deliveries: Mapping[str, Delivery]
    standing: Mapping[str, Standing]
    new: Collection[str] = ()
    waiting: Collection[str] = ()
    running: Collection[str] = ()
    looked: Collection[str] = ()


@dataclass
class Decision:
    """What to ask for, what to remember, and whether something is not remembered that is not confirmed either.

    ``recovered`` says that a delivery was published which had to be asked for again. ``gone`` are partitions that were
    asked for and whose delivery has left the landing folder before it was taken.
    """

    requests: list[Request] = field(default_factory=list)
    asked: dict[str, Asked] = field(default_factory=dict)
    overflowed: bool = False
    recovered: bool = False
    gone: list[str] = field(default_factory=list)


def due(asked: Mapping[str, Asked], now_ns: int) -> set[str]:
    """The partitions that are to be looked at now: those whose time has come, and a few as probes.

    A probe finds out whether what keeps deliveries from being published (a full disk, a missing key) is gone. Those
    that were asked for longest ago come first, so that one with a trouble of its own does not stand for the others.
    """
    found = {key for key, entry in asked.items() if entry.is_due(now_ns)}
    waiting = [(entry.asked_ns, key) for key, entry in asked.items() if key not in found and entry.may_probe(now_ns)]
    return found | {key for _, key in sorted(waiting)[:PROBES]}


def reconcile(asked: Mapping[str, Asked], situation: Situation) -> Decision:
    """Decide about every delivery that was looked at, given what was ``asked`` for before.

    Once one that was asked for again is published, what it waited for is there: the others are due at the next tick.
    """
    decision = Decision(asked=dict(asked))
    for key in situation.looked:
        if key not in situation.deliveries and key not in situation.waiting:
            decision.asked.pop(key, None)
            decision.gone.append(key)
    # what is remembered already comes first, so that nothing new takes its place in the same tick
    for key in sorted(situation.deliveries, key=lambda key: (key not in asked, key)):
        _decide(decision, key, situation)
    if decision.recovered:
        requested = {request.delivery.partition for request in decision.requests}
        for key, entry in decision.asked.items():
            if key not in requested:
                decision.asked[key] = replace(entry, next_ns=min(entry.next_ns, situation.now_ns))
    return decision


def _decide(decision: Decision, key: str, situation: Situation) -> None:
    delivery, standing = situation.deliveries[key], situation.standing[key]
    entry = decision.asked.get(key)
    if standing.is_final:
        # a verdict counts once its run is over: until then the run may still die before it has reported anything
        if entry is None or key not in situation.running:
            decision.asked.pop(key, None)
            decision.recovered |= entry is not None and entry.tries > 1 and standing is Standing.PUBLISHED
        return
    if entry is None or entry.version != delivery.version:
        entry = Asked(delivery.version, 0, situation.now_ns)
    elif key not in situation.looked:
        return
    if standing is Standing.UNKNOWN or key in situation.running:
        # looked at again at the next tick
        decision.overflowed |= not _remember(decision, key, Asked(entry.version, entry.tries, situation.now_ns))
        return
    tries = entry.tries + 1
    next_ns = situation.now_ns + _distance(tries)
    remembered = _remember(decision, key, Asked(entry.version, tries, next_ns))
    decision.overflowed |= not remembered
    # what a file's change brought here is asked for once even if it is not remembered; anything else would be asked
    # for at each look
    if remembered or key in situation.new:
        decision.requests.append(Request(delivery, tries))


def _remember(decision: Decision, key: str, entry: Asked) -> bool:
    if key not in decision.asked and len(decision.asked) >= MOST:
        often = [other for other, known in decision.asked.items() if known.tries >= OFTEN]
        if not often:
            return False
        # it is found again by a look through everything
        del decision.asked[max(often, key=lambda other: decision.asked[other].tries)]
        decision.overflowed = True
    decision.asked[key] = entry
    return True
