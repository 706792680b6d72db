"""The board of all assets as one page of HTML that loads nothing, and as plain values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from xml.sax.saxutils import quoteattr

from platform_assets.alerts.lateness import LATE, span

HEADINGS = (
    "asset", "newest partition", "lag", "expected by (UTC)", "on time (30 days)", "budget left", "incidents",
    "quarantined rows",
)  # fmt: skip
BARS = 60
"""Partitions that a sparkline shows."""
_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .3em .8em; border-bottom: 1px solid #ddd; }
tr.late { background: #fdecea; } td.number { text-align: right; } p { color: #666; }
"""


@dataclass(frozen=True)
class Status:
    """How one asset stands. ``lag`` is in seconds since the end of its newest partition that was published.

    ``expected`` is the deadline, a timestamp, of the oldest partition that is ``missing``, else the next one.
    ``outcomes`` has a sign for each partition of the last 30 days. None stands for what is not known of the asset.
    """

    asset: str
    newest: str
    lag: float | None
    expected: float | None
    missing: tuple[str, ...]
    objective: float | None
    on_time: float | None
    left: float | None
    outcomes: str
    incidents: tuple[str, ...]
    quarantined: int | None

    @property
    def cells(self) -> tuple[str, ...]:
        """What people see, in the order of ``HEADINGS``."""
        at = dt.datetime.fromtimestamp(self.expected, dt.UTC) if self.expected is not None else None
        late = f" ({len(self.missing)} missing)" if self.missing else ""
        goal = f" of {self.objective:.4g}" if self.objective is not None else ""
        return (
            self.asset, self.newest, span(self.lag) if self.lag is not None else "",
            f"{at:%Y-%m-%d %H:%M}{late}" if at is not None else "",
            f"{self.on_time:.3f}{goal}" if self.on_time is not None else "",
            f"{self.left:.0%}" if self.left is not None else "", ", ".join(self.incidents),
            str(self.quarantined) if self.quarantined is not None else "",
        )  # fmt: skip


def page(statuses: Sequence[Status], at: dt.datetime) -> str:
    """The whole page."""
    late = sum(bool(status.missing) for status in statuses)
    head = "".join(f"<th>{escape(word)}</th>" for word in (*HEADINGS, "on time"))
    rows = "\n".join(map(_row, statuses))
    return (
        f"<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>Status</title>"
        f"<style>{_STYLE}</style></head>\n<body><h1>Status</h1>"
        f"<p>{at:%Y-%m-%d %H:%M} UTC: {len(statuses)} assets, {late} late.</p>\n"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></body></html>\n"
    )  # fmt: skip


def _row(status: Status) -> str:
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in status.cells)
    kind = " class=late" if status.missing else ""  # fmt: skip
    return f"<tr{kind}>{cells}<td>{sparkline(status.outcomes[-BARS:])}</td></tr>"


def sparkline(outcomes: str) -> str:
    """A bar for each partition, the oldest first: short and green if it was on time, long and red if it was late."""
    if not outcomes:
        return ""
    bars = "".join(_bar(place, is_late=sign == LATE) for place, sign in enumerate(outcomes))
    label = f"{outcomes.count(LATE)} of {len(outcomes)} partitions were late"
    size = f"width={quoteattr(str(3 * len(outcomes)))} height={quoteattr('16')}"
    return f"<svg role={quoteattr('img')} {size}><title>{label}</title>{bars}</svg>"


def _bar(place: int, *, is_late: bool) -> str:
    top, height, color = ("0", "16", "#c62828") if is_late else ("8", "8", "#2e7d32")
    given = {"x": str(3 * place), "y": top, "width": "2", "height": height, "fill": color}
    return f"<rect {' '.join(f'{name}={quoteattr(value)}' for name, value in given.items())}/>"
