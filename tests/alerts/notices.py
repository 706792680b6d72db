"""Notices for tests of channels: one incident in its states, and any notice at all."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from platform_assets.alerts.notices import Event, Link, Notice
from platform_assets.alerts.signals import Severity

NOON = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)

SIGNS = st.characters() | st.sampled_from("&<>`*_\n\r\x00\ud800😀\u2028'\"")
TEXTS = st.text(SIGNS, max_size=60) | st.builds(lambda text, times: text * times, st.text(SIGNS), st.integers(0, 400))
MOMENTS = st.datetimes(timezones=st.just(dt.UTC))
NOTICES = st.builds(
    Notice,
    incident=TEXTS,
    number=st.integers(1, 99),
    event=st.sampled_from(Event),
    severity=st.sampled_from(Severity),
    subject=TEXTS,
    title=TEXTS,
    since=MOMENTS,
    at=MOMENTS,
    facts=st.lists(st.tuples(TEXTS, TEXTS), max_size=30).map(tuple),
    lines=st.lists(TEXTS, max_size=30).map(tuple),
    who=TEXTS,
    next_step=TEXTS,
    command=TEXTS,
    links=st.lists(st.builds(Link, TEXTS, TEXTS.map(lambda text: f"https://x/{text}") | TEXTS), max_size=30).map(tuple),
    owners=st.lists(TEXTS, max_size=12).map(tuple),
)
"""With texts that are empty, long, cut in two or full of signs that mean something to somebody."""


def notice(event: Event = Event.OPENED, number: int = 1, **given: Any) -> Notice:
    """A notice of an incident of ``raw/orders``; ``given`` takes the place of its values."""
    values: dict[str, Any] = {
        "incident": "I-3f9a2c41d07b",
        "severity": Severity.ERROR,
        "subject": "raw/orders",
        "title": "raw/orders: 2 partitions were rejected",
        "since": NOON,
        "at": NOON + dt.timedelta(hours=number - 1),
        "facts": (
            ("Partitions", "2026-01-03, 2026-01-04"),
            ("Affects", "marts/daily_revenue, published/daily_revenue <and & 3 more>"),
        ),
        "lines": ("delivery rejected (quarantine_limit)", "12 of 100 rows < 1 % & more"),
        "who": "the sender of orders",
        "next_step": "have the data delivered again",
        "command": "platform-assets quarantine show orders 2026-01-03",
        "links": (
            Link("Run", "https://dagster.example.org/runs/1"),
            Link("Logs", "https://dagster.example.org/runs/1?l"),
        ),
        "owners": ("team:sales",),
    }
    return Notice(event=event, number=number, **{**values, **given})
