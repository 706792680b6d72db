"""The circuit breaker: failures in a row of one asset, which hold it once the policy's number is reached.

A failure is a step in which no partition of the asset came out well, by a failure of its own that no layer will try
again. A step in which one partition is good ends the row. What an asset could not do because of another one above it
does not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from platform_assets.failpoints import failpoint
from platform_assets.failures import Failure, Kind
from platform_assets.holds.holds import BREAKER, Hold, held, hold
from platform_assets.instance.values import change_value, read_values
from platform_assets.wording import counted

KEY = "platform_assets/failures/"
FORMAT = 1
MOST = 500
"""Partitions of one asset whose failure is remembered."""
MOST_IN_A_ROW = 1_000


@dataclass(frozen=True)
class Step:
    """What one step did to one asset.

    ``failures`` are the failures by partition, ``good`` the partitions that came out well. ``counts`` says that all
    have failed for good, by failures of their own. ``asked_ns`` is when an arrival sensor asked for the run.
    """

    asset: str
    failures: Mapping[str, Failure]
    good: Sequence[str] = ()
    counts: bool = False
    asked_ns: int = 0


@dataclass(frozen=True)
class LastFailure:
    """How a partition failed last, when (seconds since 1970), and in the run that was asked for when (ns, or 0)."""

    kind: Kind
    at: float
    asked_ns: int = 0


@dataclass(frozen=True)
class Failures:
    """The failures in a row of an asset, each a time and a kind, and the last failure of its partitions."""

    row: tuple[tuple[float, Kind], ...] = ()
    kinds: Mapping[str, LastFailure] = field(default_factory=dict)

    def since(self, released: float) -> tuple[tuple[float, Kind], ...]:
        """Those in a row that came after the asset was released last."""
        return tuple(each for each in self.row if each[0] > released)


def failures_of(instance: dg.DagsterInstance, assets: Sequence[str]) -> dict[str, Failures]:
    """What is recorded of each of the assets."""
    found = read_values(instance, {KEY + asset for asset in assets})
    return {asset: _parsed(found.get(KEY + asset)) for asset in assets}


def record(instance: dg.DagsterInstance, steps: Sequence[Step], limits: Mapping[str, int], now: float) -> list[Hold]:
    """Record what steps did, and hold the assets that have failed too often; the new holds.

    ``limits`` are the failures in a row after which each asset is held, 0 for never. A good step of an asset of which
    nothing is recorded writes nothing.
    """
    before = failures_of(instance, [step.asset for step in steps])
    failed: dict[str, Failures] = {}
    for step in steps:
        if step.failures or before[step.asset] != Failures():
            failed[step.asset] = _recorded(instance, step, now)
    suspects = [step.asset for step in steps if step.counts and limits.get(step.asset)]
    if not suspects:
        return []
    known = held(instance, now)
    wanted = []
    for asset in suspects:
        row = failed[asset].since(known.released(asset))
        if len(row) >= limits[asset]:
            kinds = ", ".join(sorted({kind.value for _, kind in row}))
            why = f"{counted(len(row), 'failure')} in a row ({kinds})"
            wanted.append(Hold(asset, why, BREAKER, now, by_breaker=True))
    failpoint("holds.breaker.before_hold")
    return hold(instance, wanted, now) if wanted else []


def _recorded(instance: dg.DagsterInstance, step: Step, now: float) -> Failures:
    found = Failures()

    def change(text: str | None) -> str:
        nonlocal found
        before = _parsed(text)
        kinds = {key: known for key, known in before.kinds.items() if key not in step.good}
        kinds |= {key: LastFailure(failure.kind, now, step.asked_ns) for key, failure in step.failures.items()}
        newest = dict(sorted(kinds.items(), key=lambda item: item[1].at)[-MOST:])
        row = () if step.good else before.row
        if step.counts:
            row = (*row, (now, next(iter(step.failures.values())).kind))[-MOST_IN_A_ROW:]
        found = Failures(row, newest)
        return _text(found)

    change_value(instance, KEY + step.asset, change)
    return found


def _text(found: Failures) -> str:
    row = [[at, kind.value] for at, kind in found.row]
    kinds = {key: [last.kind.value, last.at, last.asked_ns] for key, last in found.kinds.items()}
    return json.dumps({"format": FORMAT, "row": row, "kinds": kinds})


def _parsed(text: str | None) -> Failures:
    """What was recorded; nothing where a later version wrote it, or it cannot be read: the row begins anew then."""
    try:
        data: Any = json.loads(text or "{}")
        if data.get("format") != FORMAT:
            return Failures()
        row = tuple((float(at), Kind(kind)) for at, kind in data["row"])
        kinds = {key: LastFailure(Kind(kind), float(at), int(ns)) for key, (kind, at, ns) in data["kinds"].items()}
        return Failures(row, kinds)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Failures()
