"""Which deliveries a run is asked for, now and again, until each is published, rejected, or out of attempts.

What lies in the landing folder is compared with what the lake and the ledger hold of it. What is not there is asked
for. What failed is asked for again as the retry policy says for the kind of its failure: after growing waits, and only
so often. Once its attempts are used up it is asked for when something has changed: its delivery, the contract, the
policy, a release of its asset, the process of the code server; or, a few times more, as a probe or after another
partition was published. Plain values only: ``arrival_sensor`` gathers them and carries the decision out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from platform_assets.failures import Kind
from platform_assets.lake.deliveries import Delivery
from platform_assets.retries.policy import AFTER_A_CAUSE, DEFAULT, PROBED, Layer, Policy, seeded

SECOND_NS = 10**9
LOOK_NS = 30 * SECOND_NS
"""How long after a request it is looked at what became of it."""

MOST = 200
"""Partitions that a cursor remembers as asked for; the others are found by a look through everything."""


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
    """A delivery that was asked for ``tries`` times and is not confirmed.

    ``attempts`` are those of its tries that count: they begin anew when the contract or the policy changes. It is
    looked at again at ``next_ns``; None is the end of its attempts. ``last_ns`` is when it was asked for, or seen in a
    run, last. ``kind`` is that of its last failure. With ``ahead`` it is asked for before its time, or after its end.
    """

    version: str
    tries: int
    next_ns: int | None
    last_ns: int = 0
    attempts: int = 0
    kind: Kind = Kind.INFRASTRUCTURE
    ahead: bool = False
    asked_ns: int = 0
    """When it was asked for last, as the tick's clock said: its run has it too."""

    def is_due(self, now_ns: int) -> bool:
        """Whether it is time to look at it. A time of the past that lies ahead was told by a clock that was wrong."""
        return self.next_ns is not None and (self.next_ns <= now_ns or self.last_ns > now_ns + LOOK_NS)

    @property
    def is_ended(self) -> bool:
        """Whether it has no attempt left."""
        return self.next_ns is None

    def may_go_on(self, policy: Policy, kinds: Collection[Kind]) -> bool:
        """Whether it is at its end, and may be asked for all the same since its cause may be gone."""
        most = policy.attempts(self.kind, Layer.AUTOMATION) + policy.probes
        return self.is_ended and self.kind in kinds and self.attempts < most


@dataclass(frozen=True)
class Request:
    """A delivery that a run is asked for, for the first time if ``tries`` is 1.

    ``attempt`` counts its attempts by the policy; 0 is a request that nobody repeats. ``kind`` is that of the failure
    before it.
    """

    delivery: Delivery
    tries: int
    attempt: int = 0
    kind: Kind | None = None


@dataclass(frozen=True)
class Failed:
    """How a partition failed last and when, in ns, in the run that was asked for at ``asked_ns`` (0: by somebody)."""

    kind: Kind
    at_ns: int
    asked_ns: int


@dataclass(frozen=True)
class Situation:
    """What one tick knows.

    ``deliveries`` are those that were looked at, each with its ``standing``; ``new`` are the partitions in which a file
    has changed. ``waiting`` are deliveries that are not complete, ``running`` partitions of runs that are queued or in
    progress. Of the due partitions only those in ``looked`` were looked at. ``failed`` is what is known of failures.
    ``deadlines`` are the times, in ns, until which what is not delivered is asked for.
    """

    now_ns: int
    deliveries: Mapping[str, Delivery]
    standing: Mapping[str, Standing]
    new: Collection[str] = ()
    waiting: Collection[str] = ()
    running: Collection[str] = ()
    looked: Collection[str] = ()
    failed: Mapping[str, Failed] = field(default_factory=dict)
    deadlines: Mapping[str, int] = field(default_factory=dict)
    policy: Policy = DEFAULT


@dataclass
class Decision:
    """What to ask for, what to remember, and whether something is not remembered that is not confirmed either.

    ``recovered`` says that a delivery was published after another one, or itself, had failed. ``gone`` are partitions
    that were asked for and whose delivery has left the landing folder before it was taken. ``ended`` are those that
    have used up their attempts just now.
    """

    requests: list[Request] = field(default_factory=list)
    asked: dict[str, Asked] = field(default_factory=dict)
    overflowed: bool = False
    recovered: bool = False
    gone: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


def due(asked: Mapping[str, Asked], now_ns: int, policy: Policy = DEFAULT) -> set[str]:
    """The partitions that are to be looked at now: those whose time has come, and at most one as a probe.

    A probe finds out whether what kept deliveries from being published (a full disk, a server that is down) is gone,
    when all attempts are used up. That one is taken which was asked for longest ago.
    """
    found = {key for key, entry in asked.items() if entry.is_due(now_ns)}
    return found | set(_probe(asked, now_ns, policy))


def _probe(asked: Mapping[str, Asked], now_ns: int, policy: Policy) -> list[str]:
    ended = {key: entry for key, entry in asked.items() if entry.may_go_on(policy, PROBED)}
    # what was asked for within that time is a probe too
    if not ended or now_ns - max(entry.last_ns for entry in asked.values()) < policy.probe_seconds * SECOND_NS:
        return []
    return [min(ended, key=lambda key: (ended[key].last_ns, key))]


def begun_anew(asked: Mapping[str, Asked], now_ns: int) -> dict[str, Asked]:
    """What was asked for, with all attempts before it again, since what decides about them has changed."""
    return {key: replace(entry, next_ns=now_ns, attempts=0, ahead=entry.is_ended) for key, entry in asked.items()}


def restarted(asked: Mapping[str, Asked], now_ns: int) -> dict[str, Asked]:
    """What was asked for, with all attempts before it, since code and environment may be others than they were.

    What has no attempt left is due now; all else keeps to its time, be it that of a run in progress or of a wait.
    """
    ended = {key: entry for key, entry in asked.items() if entry.is_ended}
    return {**{key: replace(entry, attempts=0) for key, entry in asked.items()}, **begun_anew(ended, now_ns)}


def reconcile(asked: Mapping[str, Asked], situation: Situation) -> Decision:
    """Decide about every delivery that was looked at, given what was ``asked`` for before.

    Once one is published, what others waited for may be there: they are due at the next tick.
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
            waits = not entry.is_ended and situation.now_ns - entry.last_ns >= LOOK_NS
            if key not in requested and (waits or entry.may_go_on(situation.policy, AFTER_A_CAUSE)):
                decision.asked[key] = replace(entry, next_ns=situation.now_ns, ahead=True)
    return decision


def _decide(decision: Decision, key: str, situation: Situation) -> None:
    delivery, standing, now = situation.deliveries[key], situation.standing[key], situation.now_ns
    entry = decision.asked.get(key)
    if standing.is_final:
        # a verdict counts once its run is over: until then the run may still die before it has reported anything
        if entry is None or key not in situation.running:
            decision.asked.pop(key, None)
            ended = any(other.is_ended for other in decision.asked.values())
            decision.recovered |= standing is Standing.PUBLISHED and entry is not None and (entry.tries > 1 or ended)
        return
    if entry is None or entry.version != delivery.version:
        entry = Asked(delivery.version, 0, now)
    elif key not in situation.looked:
        return
    if standing is Standing.UNKNOWN or key in situation.running:
        # looked at again at the next tick
        last = now if key in situation.running else entry.last_ns
        decision.overflowed |= not _remember(decision, key, replace(entry, next_ns=now, last_ns=last))
        return
    entry = _after_failure(entry, key, situation)
    if entry.next_ns is None or entry.next_ns > now:
        if entry.next_ns is None and decision.asked[key].next_ns is not None:
            decision.ended.append(key)
        decision.asked[key] = entry
        return
    kind = entry.kind if entry.attempts else None
    entry = replace(
        entry,
        tries=entry.tries + 1,
        attempts=entry.attempts + 1,
        next_ns=now + LOOK_NS,
        last_ns=now,
        ahead=False,
        asked_ns=now,
    )
    remembered = _remember(decision, key, entry)
    decision.overflowed |= not remembered
    # what a file's change brought here is asked for once even if it is not remembered; anything else would be asked
    # for at each look
    if remembered or key in situation.new:
        decision.requests.append(Request(delivery, entry.tries, entry.attempts, kind))


def _after_failure(entry: Asked, key: str, situation: Situation) -> Asked:
    """The entry with the time of its next attempt: one that lies ahead, now, or None after the last one.

    A run that died, or never began, has left no failure behind: that is one of the infrastructure.
    """
    now, policy = situation.now_ns, situation.policy
    if entry.attempts == 0:
        return replace(entry, next_ns=now)
    failed = situation.failed.get(key)
    if failed is not None and failed.asked_ns != entry.asked_ns:
        failed = None
    kind = failed.kind if failed is not None else None
    if kind is Kind.HELD:
        # it was refused before it began, which is no attempt
        return replace(entry, attempts=entry.attempts - 1, next_ns=now)
    was_at_end = entry.next_ns is None
    entry = replace(entry, kind=kind or (entry.kind if was_at_end or entry.ahead else Kind.INFRASTRUCTURE))
    backoff = policy.backoff(entry.kind, Layer.AUTOMATION)
    if entry.ahead or was_at_end:
        most = backoff.attempts + (policy.probes if entry.kind in AFTER_A_CAUSE else 0)
        return replace(entry, next_ns=now if entry.attempts < most else None, ahead=False)
    goes_on = entry.kind is Kind.NOT_DELIVERED and now < situation.deadlines.get(key, 0)
    if entry.attempts >= backoff.attempts and not goes_on:
        return replace(entry, next_ns=None)
    # the clock of the machine that the run was on may run ahead
    since = max(entry.last_ns, min(failed.at_ns, now) if failed is not None else 0)
    random = seeded(key, entry.version, str(entry.tries))
    return replace(entry, next_ns=since + int(backoff.delay(entry.attempts, random) * SECOND_NS))


def _remember(decision: Decision, key: str, entry: Asked) -> bool:
    if key not in decision.asked and len(decision.asked) >= MOST:
        return False
    decision.asked[key] = entry
    return True
