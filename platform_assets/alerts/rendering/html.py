"""A notice as an HTML page for mail: styles stand at the elements, as mail programs leave out style sheets."""

from __future__ import annotations

from html import escape

from platform_assets.alerts.notices import Event, Notice
from platform_assets.alerts.rendering.parts import command, first_lines, footer, headline, links, rows
from platform_assets.alerts.signals import Severity

_COLOURS = {
    Severity.INFO: "#1565c0",
    Severity.WARNING: "#b26a00",
    Severity.ERROR: "#c62828",
    Severity.CRITICAL: "#7f0000",
}
_RESOLVED = "#2e7d32"
_CODE = "background:#f4f4f4;padding:8px;white-space:pre-wrap;font-family:monospace;font-size:13px"


def page(notice: Notice) -> str:
    """The whole page; every text of the notice is escaped."""
    colour = _RESOLVED if notice.event is Event.RESOLVED else _COLOURS[notice.severity]
    parts = [f'<h3 style="color:{colour};margin:0 0 12px">{escape(headline(notice))}</h3>', _table(notice)]
    if lines := first_lines(notice):
        parts.append(_code("\n".join(lines)))
    if text := command(notice):
        parts.append(_code(text))
    if buttons := _links(notice):
        parts.append(f"<p>{buttons}</p>")
    parts.append(f'<p style="color:#777;font-size:12px">{escape(footer(notice))}</p>')
    content = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html><body style="font-family:sans-serif;font-size:14px">\n{content}\n</body></html>\n'


def _table(notice: Notice) -> str:
    cells = "\n".join(
        f'<tr><td style="color:#555;padding:2px 16px 2px 0;vertical-align:top">{escape(label)}</td>'
        f'<td style="white-space:pre-wrap">{escape(text)}</td></tr>'
        for label, text in rows(notice)
    )
    return f"<table>\n{cells}\n</table>"


def _code(text: str) -> str:
    return f'<pre style="{_CODE}">{escape(text)}</pre>'


def _links(notice: Notice) -> str:
    return " &middot; ".join(f'<a href="{escape(link.url)}">{escape(link.label)}</a>' for link in links(notice))
