"""What is kept of each code location, so that the others, the commands and the watchdog know what it has.

An incident of one code location is reported with all that is downstream of it, in others too.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platform_assets.alerts.lineage import Lineage, joined
from platform_assets.alerts.store import Transaction

LOCATIONS = "code locations"
"""The state with the name of each code location, the digest of what it has, its channels, and when it was seen last."""
FORGOTTEN_AFTER = dt.timedelta(days=7)
"""A code location that was not seen for so long is gone."""
SEEN_EVERY = dt.timedelta(hours=1)
_OF_OLDER_VERSIONS = ("lineage", "schedules", "sensors", "definitions digest")


@dataclass(frozen=True)
class KnownLocation:
    """The assets, schedules (cron and time zone) and sensors of a code location; the channels of its alerts file."""

    lineage: Lineage = field(default_factory=Lineage)
    schedules: Mapping[str, tuple[str | Sequence[str], str]] = field(default_factory=dict)
    sensors: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeptLocation:
    """What a code location keeps of itself: a text that stays as it is for as long as its code is loaded."""

    name: str
    text: str
    digest: str

    @classmethod
    def of(cls, name: str, known: KnownLocation) -> KeptLocation:
        """For a code location of that name."""
        crons = {schedule: list(cron) for schedule, cron in known.schedules.items()}
        kept = {"lineage": known.lineage.to_dict(), "schedules": crons, "sensors": list(known.sensors)}
        text = json.dumps(kept, sort_keys=True)
        return cls(name, text, hashlib.sha256(text.encode()).hexdigest())

    def keep(self, transaction: Transaction, channels: Sequence[str], now: float) -> None:
        """Let others know it; what is known already is not written again. ``now`` is in seconds since 1970."""
        index: dict[str, dict[str, Any]] = transaction.state(LOCATIONS) or {}
        before = index.get(self.name)
        if before is None:
            for name in _OF_OLDER_VERSIONS:
                transaction.drop_state(name)
        if before is None or before["digest"] != self.digest:
            transaction.keep_state(_state(self.name), self.text)
        gone = {name for name, each in index.items() if now - each["seen"] > FORGOTTEN_AFTER.total_seconds()}
        gone -= {self.name}
        for name in gone:
            transaction.drop_state(_state(name))
        entry = {"digest": self.digest, "channels": sorted(channels), "seen": now}
        if gone or before is None or _differs(before, entry):
            left = {name: each for name, each in index.items() if name not in gone}
            transaction.keep_state(LOCATIONS, {**left, self.name: entry})


def known_locations(transaction: Transaction) -> dict[str, KnownLocation]:
    """Every code location that was seen of late, by its name."""
    index: dict[str, dict[str, Any]] = transaction.state(LOCATIONS) or {}
    return {name: _known(transaction, name, each) for name, each in sorted(index.items())}


def whole_lineage(known: Mapping[str, KnownLocation]) -> Lineage:
    """The assets of all code locations as one graph."""
    if len(known) == 1:
        return next(iter(known.values())).lineage
    return joined([each.lineage for each in known.values()])


def made_in(known: Iterable[KnownLocation]) -> frozenset[str]:
    """The assets that are made in these code locations."""
    return frozenset(asset for each in known for asset in each.lineage.parents.keys() - each.lineage.elsewhere)


def channels_of_others(known: Mapping[str, KnownLocation], own: Collection[str]) -> frozenset[str]:
    """The channels that alerts files of code locations name, but for one's ``own``."""
    return frozenset(channel for each in known.values() for channel in each.channels) - frozenset(own)


def _state(name: str) -> str:
    return f"code location {name}"


def _differs(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    same = before["digest"] == now["digest"] and before["channels"] == now["channels"]
    return not same or not 0 <= now["seen"] - before["seen"] < SEEN_EVERY.total_seconds()


def _known(transaction: Transaction, name: str, entry: Mapping[str, Any]) -> KnownLocation:
    text = transaction.state(_state(name))
    return _parsed(text or "{}", tuple(entry["channels"]))


@functools.lru_cache(maxsize=32)
def _parsed(text: str, channels: tuple[str, ...]) -> KnownLocation:
    data = json.loads(text)
    lineage = Lineage.from_dict(data["lineage"]) if "lineage" in data else Lineage()
    schedules = {name: (cron, zone) for name, (cron, zone) in data.get("schedules", {}).items()}
    return KnownLocation(lineage, schedules, tuple(data.get("sensors", ())), channels)
