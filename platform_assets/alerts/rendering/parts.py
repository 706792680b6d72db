"""What every message says of a notice, and how much of it; the same for all channels."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from platform_assets.alerts.notices import Event, Link, Notice
from platform_assets.wording import counted

MOST_FACTS = 12
LONGEST_FACT = 1000
MOST_LINES = 12
LONGEST_LINE = 200
LONGEST_HEADLINE = 250
MOST_OWNERS = 5
CUT = "…"

_NOT_TEXT = re.compile(r"[\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """``text`` without halves of characters and control characters; tabs and line breaks stay."""
    return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """``text`` cleaned, with each run of white space as one blank."""
    return " ".join(clean(text).split())


def shortened(text: str, most: int) -> str:
    """The first ``most`` characters at the most; the last of them is ``…`` where something is left out."""
    return text if len(text) <= most else text[: most - 1] + CUT


def listed(items: Sequence[str], most: int) -> str:
    """Such as ``a, b and 37 more``."""
    shown = ", ".join(items[:most])
    left = len(items) - most
    return f"{shown} and {left} more" if left > 0 else shown


def moment(at: dt.datetime) -> str:
    """Such as ``2026-01-05 08:15 UTC``."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def lasted(since: dt.datetime, until: dt.datetime) -> str:
    """Such as ``25 min``, ``2 h 5 min`` and ``3 d 4 h``; what is under a minute is ``0 min``."""
    minutes = max(int((until - since).total_seconds() // 60), 0)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def headline(notice: Notice) -> str:
    """Such as ``[ERROR] raw/orders: 3 partitions were rejected``, on one line."""
    word = notice.severity if notice.event in (Event.OPENED, Event.CHANGED) else notice.event
    title = notice.title if notice.subject in notice.title else f"{notice.subject}: {notice.title}"
    return shortened(f"[{word.upper()}] {one_line(title)}", LONGEST_HEADLINE)


def rows(notice: Notice) -> list[tuple[str, str]]:
    """Labels and texts: the facts, since when, who has to act and what comes next. No label or text is empty."""
    facts = list(notice.facts[:MOST_FACTS])
    if left := len(notice.facts) - MOST_FACTS:
        facts += [("More", f"and {counted(left, 'more fact')}, in the UI")] if left > 0 else []
    facts.append(("Since", moment(notice.since)))
    if notice.event is Event.RESOLVED:
        facts.append(("Resolved", f"{moment(notice.at)}, after {lasted(notice.since, notice.at)}"))
    else:
        facts += [("Who acts", notice.who), ("Next step", notice.next_step)]
    facts.append(("Owners", listed(notice.owners, MOST_OWNERS)))
    shown = [(one_line(label), shortened(clean(text).strip(), LONGEST_FACT)) for label, text in facts]
    return [(label or "Fact", text) for label, text in shown if text]


def first_lines(notice: Notice) -> list[str]:
    """The first lines of the failure, and how many more there are."""
    lines = [line for text in notice.lines for line in clean(text).split("\n")]
    left = len(lines) - MOST_LINES
    shown = [shortened(line.rstrip(), LONGEST_LINE) for line in lines[:MOST_LINES]]
    return [*shown, f"... and {counted(left, 'more line')}"] if left > 0 else shown


def command(notice: Notice) -> str:
    """The next command; empty where nobody has to act any more."""
    return "" if notice.event is Event.RESOLVED else clean(notice.command).strip()


def links(notice: Notice) -> list[Link]:
    """The links that a browser opens, each with a label."""
    return [
        Link(one_line(link.label) or "Open", link.url)
        for link in notice.links
        if link.url.startswith(("https://", "http://")) and link.url.isprintable() and " " not in link.url
    ]


def footer(notice: Notice) -> str:
    """Which incident it is, and which of its notices."""
    return f"{one_line(notice.incident)}, notice {notice.number}, {moment(notice.at)}"
