"""A notice as it is kept in the outbox."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict

from platform_assets.alerts.notices import Event, Link, Notice
from platform_assets.alerts.signals import Severity


def to_json(notice: Notice) -> str:
    """The notice as it is kept in the outbox."""
    data = asdict(notice)
    return json.dumps({**data, "since": notice.since.isoformat(), "at": notice.at.isoformat()}, sort_keys=True)


def from_json(text: str) -> Notice:
    """What :func:`to_json` gave."""
    data = json.loads(text)
    times = {name: dt.datetime.fromisoformat(data[name]) for name in ("since", "at")}
    lists = {name: tuple(data[name]) for name in ("lines", "owners")}
    facts = tuple((label, fact) for label, fact in data["facts"])
    links = tuple(Link(**link) for link in data["links"])
    words = {"event": Event(data["event"]), "severity": Severity(data["severity"])}
    return Notice(**{**data, **times, **lists, **words, "facts": facts, "links": links})
