"""The cursor of an arrival sensor: what earlier ticks have seen and asked for, in bounded size.

It is a JSON object with the number of its format. The list of earlier versions is read as format 1; format 2 knew no
attempts. A format that is newer than this code is refused. What a tick makes of it is in ``arrival_sensor`` and
``reconciler``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from platform_assets.automation.digests import digest
from platform_assets.automation.reconciler import Asked
from platform_assets.failures import Kind, PlatformError
from platform_assets.landing.found import Rotation, Watermark

FORMAT = 3

EARLY = 100
"""Deliveries of partitions that are not over yet which are remembered; a look through everything finds the others."""

HINDERED = 20
MANY = "/"
"""Stands, before a digest of them, for the paths that cannot be looked at, if they are more than :data:`HINDERED`."""
AGAIN = "//"
"""Up to where a look anew has to come before the next one begins, so that a disk that flickers stops nothing."""


class CursorTooNew(PlatformError):
    """A newer version of the platform wrote the cursor."""

    kind = Kind.MISCONFIGURED
    code = "cursor_format"


@dataclass(frozen=True)
class Withdrawals:
    """How far the lake was searched for deliveries whose files are gone.

    ``folders`` is the sum over the landing folders when the search began, ``at`` the folder of the lake that it has
    reached (None: it is through). ``count`` and ``digest`` stand for what it has found so far, and ``reported`` for
    what was reported last.
    """

    folders: int = 0
    at: str | None = None
    count: int = 0
    digest: str = ""
    reported: str = ""


@dataclass(frozen=True)
class Seen:
    """What earlier ticks have seen: everything up to ``watermark``, and deliveries that came ``early``.

    Dagster knows a partition of time only when its time is over; a file of today that comes today waits for that.
    ``hindered`` holds the paths that could not be looked at, each with the watermark from which it was missed.
    ``asked`` holds the partitions that were asked for and are not confirmed.
    ``again`` is where a look through everything once more has come to (None: there is none). The next begins at
    ``again_ns``, after ``looks`` that left something undone.
    ``through_ns`` is when the last look through everything began, ``contract`` the digest then of what decides
    about attempts (the contract, the policy, releases), ``code_server`` the process that asked last (empty:
    nothing is asked for), ``clock_ns`` the time of the last tick, ``ahead`` a sum over the files from
    the future that were looked at.
    ``rotation`` is how far objects were listed.
    """

    watermark: Watermark = field(default_factory=Watermark)
    early: tuple[str, ...] = ()
    hindered: Mapping[str, Watermark] = field(default_factory=dict)
    asked: Mapping[str, Asked] = field(default_factory=dict)
    again: Watermark | None = None
    again_ns: int = 0
    looks: int = 0
    through_ns: int = 0
    contract: str = ""
    code_server: str = ""
    clock_ns: int = 0
    ahead: int = 0
    withdrawals: Withdrawals = field(default_factory=Withdrawals)
    rotation: Rotation = field(default_factory=Rotation)


_TEXTS = ("contract", "code_server")
_NUMBERS = ("again_ns", "looks", "through_ns", "clock_ns", "ahead")


def read_cursor(text: str | None) -> Seen:
    """What stands in a sensor's cursor; the beginning if there is none, or nothing that a platform has written.

    From the beginning everything is looked at anew, and what the lake and the ledger hold is not asked for again.

    Raises:
        CursorTooNew: if a newer version of the platform wrote it.
    """
    try:
        data = json.loads(text) if text else None
        if isinstance(data, list):
            return _of_format_1(data)
        if not isinstance(data, dict) or not isinstance(data.get("format"), int):
            return Seen()
        if data["format"] <= FORMAT:
            return _of_an_object(data)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Seen()
    raise CursorTooNew(
        f"the cursor has the format {data['format']}, and this version of the platform reads up to {FORMAT}: upgrade "
        "the platform, or reset the sensor's cursor, after which everything in the landing folder is looked at anew"
    )


def write_cursor(seen: Seen) -> str:
    """A cursor of bounded size, however many files have been seen."""
    data: dict[str, Any] = {"format": FORMAT, "mark": _mark(seen.watermark)}
    if seen.early:
        data["early"] = list(seen.early)
    if seen.hindered:
        data["hindered"] = {path: _mark(watermark) for path, watermark in seen.hindered.items()}
    if seen.asked:
        data["asked"] = {key: _written(asked) for key, asked in seen.asked.items()}
    if seen.again is not None:
        data["again"] = _mark(seen.again)
    data |= {name: getattr(seen, name) for name in (*_TEXTS, *_NUMBERS) if getattr(seen, name)}
    if seen.withdrawals != Withdrawals():
        search = seen.withdrawals
        data["withdrawals"] = [search.folders, search.at, search.count, search.digest, search.reported]
    if seen.rotation != Rotation():
        data["rotation"] = astuple(seen.rotation)
    return json.dumps(data, separators=(",", ":"))


def _of_format_1(data: list[Any]) -> Seen:
    changed_ns, path, *rest = data
    early = tuple(key for key in rest if isinstance(key, str))
    hindered = {
        path: Watermark(*watermark) for part in rest if isinstance(part, dict) for path, watermark in part.items()
    }
    # what earlier ticks asked for may never have been taken: everything is looked at once more
    return Seen(Watermark(int(changed_ns), str(path)), early, hindered, again=Watermark())


def _written(asked: Asked) -> list[Any]:
    """An entry, without what most entries have in common at its end."""
    values = [asked.version, asked.tries, asked.next_ns, asked.last_ns, asked.attempts]
    if (asked.kind, asked.ahead, asked.asked_ns) != (Kind.INFRASTRUCTURE, False, asked.last_ns):
        values += [asked.kind.value, asked.ahead, asked.asked_ns]
    return values


def _asked(values: list[Any]) -> Asked:
    """An entry of format 3, or of format 2, which knew no attempts: they begin anew."""
    version, tries, next_ns, *more = values
    if not more:
        return Asked(str(version), int(tries), int(next_ns), ahead=True)
    last_ns, attempts, *rest = more
    kind, ahead, asked_ns = rest or (Kind.INFRASTRUCTURE, False, last_ns)
    until = None if next_ns is None else int(next_ns)
    return Asked(str(version), int(tries), until, int(last_ns), int(attempts), Kind(kind), bool(ahead), int(asked_ns))


def _of_an_object(data: Mapping[str, Any]) -> Seen:
    asked = {key: _asked(values) for key, values in data.get("asked", {}).items()}
    again = data.get("again")
    return Seen(
        Watermark(*data["mark"]),
        tuple(data.get("early", ())),
        {path: Watermark(*watermark) for path, watermark in data.get("hindered", {}).items()},
        asked,
        Watermark(*again) if again is not None else None,
        withdrawals=Withdrawals(*data.get("withdrawals", ())),
        rotation=Rotation(*data.get("rotation", ())),
        contract=str(data.get("contract", "")),
        code_server=str(data.get("code_server", "")),
        **{name: int(data.get(name, 0)) for name in _NUMBERS},
    )


def _mark(watermark: Watermark) -> list[Any]:
    return [watermark.changed_ns, watermark.path]


def after_faults(
    seen: Seen, watermark: Watermark, faults: Mapping[str, str]
) -> tuple[Watermark, Mapping[str, Watermark]]:
    """The watermark to go on from, and what is hindered now.

    Once a path can be looked at again, everything since it was hindered is looked at anew: what came below it may be
    older than the mark. What the lake holds by then is not asked for twice. Of many paths only a digest is known, so
    all is looked at anew whenever they are others than before.
    """
    # from its own watermark on, this tick has looked already
    over = [since for path, since in seen.hindered.items() if path not in faults and since < seen.watermark]
    before = min(seen.hindered.values(), default=seen.watermark)
    # earlier versions wrote no digest, under an empty path
    many = next((path for path in seen.hindered if path != AGAIN and (not path or path.startswith(MANY))), None)
    if len(faults) <= HINDERED:
        since = seen.watermark if many is None else before
        return min([watermark, *over]), {path: seen.hindered.get(path, since) for path in sorted(faults)}
    since, these = min(seen.watermark, before), MANY + digest("\0".join(sorted(faults)))
    if many is None:
        return min([watermark, *over]), {these: since}
    until = seen.hindered.get(AGAIN, since)
    if seen.watermark < until and seen.watermark != watermark:
        return watermark, {many: since, AGAIN: until}
    if these == many:
        return watermark, {many: since}
    return since, {these: since, AGAIN: watermark}
