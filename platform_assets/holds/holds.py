"""Holds: which assets are held, by whom, since when and why. One record of the instance has them all.

A held asset is refused to every way in: sensors, schedules and conditions do not ask for it, and a step of it ends at
its start, whoever asked for the run.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from platform_assets.failures import Failure, Kind, PlatformError
from platform_assets.instance.values import change_value, read_values

KEY = "platform_assets/holds"
FORMAT = 1
BREAKER = "circuit breaker"
"""Who holds an asset that failed too often in a row."""


class HoldsUnreadable(PlatformError):
    """The record of holds cannot be read. What is held is not known, so nothing is materialized."""

    kind = Kind.MISCONFIGURED
    code = "holds"


@dataclass(frozen=True)
class Hold:
    """``since`` and ``until`` are seconds since 1970; ``until`` None is until somebody releases the asset."""

    asset: str
    why: str
    who: str
    since: float
    until: float | None = None
    by_breaker: bool = False

    def stands(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.until is None or now < self.until

    @property
    def failure(self) -> Failure:
        """The failure of whoever wants to materialize the asset."""
        ends = "" if self.until is None else f", until {shown_time(self.until)}"
        message = f"{self.asset} is held by {self.who} since {shown_time(self.since)}{ends}: {self.why}"
        hint = f"mend that, then: platform-assets release {self.asset} --why TEXT"
        return Failure(Kind.HELD, "held", message, hint)


@dataclass(frozen=True)
class Release:
    """``at`` is seconds since 1970."""

    at: float
    who: str
    why: str


@dataclass(frozen=True)
class Held:
    """All holds that stand, by asset, and the last release of each asset."""

    holds: Mapping[str, Hold]
    releases: Mapping[str, Release]

    def released(self, asset: str) -> float:
        """When the asset was released last, in seconds since 1970; 0 if it never was."""
        return self.releases[asset].at if asset in self.releases else 0.0

    def of(self, assets: Collection[str]) -> list[Hold]:
        """The holds of these assets."""
        return [self.holds[asset] for asset in assets if asset in self.holds]


def shown_time(seconds: float) -> str:
    """A time for people, in UTC."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def held(instance: dg.DagsterInstance, now: float) -> Held:
    """What is held at ``now``. Raises ``HoldsUnreadable``."""
    return _parsed(read_values(instance, {KEY}).get(KEY), now)


def hold(instance: dg.DagsterInstance, wanted: Collection[Hold], now: float) -> list[Hold]:
    """Hold assets, in one write; those of them that were not held yet. A hold that stands is left as it is."""
    added: list[Hold] = []

    def change(text: str | None) -> str | None:
        found = _parsed(text, now)
        added[:] = [each for each in wanted if each.asset not in found.holds]
        if not added:
            return None
        return _text({**found.holds, **{each.asset: each for each in added}}, found.releases)

    change_value(instance, KEY, change)
    return added


def release(instance: dg.DagsterInstance, assets: Collection[str], now: float, *, who: str, why: str) -> list[Hold]:
    """Release assets, in one write; the holds that this has ended. Their failures in a row count from zero again."""
    ended: list[Hold] = []

    def change(text: str | None) -> str | None:
        found = _parsed(text, now)
        ended[:] = found.of(assets)
        if not ended:
            return None
        names = {each.asset for each in ended}
        left = {asset: each for asset, each in found.holds.items() if asset not in names}
        return _text(left, {**found.releases, **dict.fromkeys(names, Release(now, who, why))})

    change_value(instance, KEY, change)
    return ended


def _text(holds: Mapping[str, Hold], releases: Mapping[str, Release]) -> str:
    rows = {
        asset: {"why": each.why, "who": each.who, "since": each.since, "until": each.until, "breaker": each.by_breaker}
        for asset, each in holds.items()
    }
    ended = {asset: [each.at, each.who, each.why] for asset, each in releases.items()}
    return json.dumps({"format": FORMAT, "holds": rows, "releases": ended})


def _parsed(text: str | None, now: float) -> Held:
    if text is None:
        return Held({}, {})
    try:
        data: Any = json.loads(text)
        if data["format"] > FORMAT:
            raise HoldsUnreadable(
                f"the instance's record of holds has the format {data['format']}, and this version of "
                f"platform-assets reads up to {FORMAT}: upgrade it"
            )
        found = {
            asset: Hold(asset, row["why"], row["who"], row["since"], row["until"], row["breaker"])
            for asset, row in data["holds"].items()
        }
        releases = {asset: Release(float(at), who, why) for asset, (at, who, why) in data["releases"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise HoldsUnreadable(
            f"the instance's value {KEY!r} (table kvs of its storage of runs) is no record of holds: delete that row, "
            "then hold again what has to be held"
        ) from None
    return Held({asset: each for asset, each in found.items() if each.stands(now)}, releases)
