"""A notice as plain text: for the console, for apprise and as the text part of a mail."""

from __future__ import annotations

import textwrap

from platform_assets.alerts.notices import Notice
from platform_assets.alerts.rendering.parts import command, first_lines, footer, headline, links, rows


def body(notice: Notice) -> str:
    """Everything but the headline; it ends without a line break."""
    shown = [*rows(notice), *((link.label, link.url) for link in links(notice))]
    width = max(len(label) for label, _ in shown) + 2
    parts = ["\n".join(_row(label, text, width) for label, text in shown)]
    if lines := first_lines(notice):
        parts.append("\n".join(f"    {line}" for line in lines))
    if text := command(notice):
        parts.append("\n".join(f"  $ {line}" for line in text.split("\n")))
    parts.append(footer(notice))
    return "\n\n".join(parts)


def block(notice: Notice) -> str:
    """The headline and everything else."""
    return f"{headline(notice)}\n{body(notice)}"


def _row(label: str, text: str, width: int) -> str:
    return f"{label + ':':<{width}}{textwrap.indent(text, ' ' * width).lstrip()}"
