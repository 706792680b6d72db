"""A notice as blocks of Slack's Block Kit, within Slack's limits for any text.

Slack refuses a whole message for one text that is too long or empty. Lengths are counted after escaping, in UTF-16.
"""

from __future__ import annotations

from typing import Any

from platform_assets.alerts.notices import Event, Notice
from platform_assets.alerts.rendering.parts import CUT, command, first_lines, footer, headline, links, rows

HEADER = 150
SECTION = 3000
FIELD = 2000
FIELDS = 10
ELEMENTS = 25
BUTTON = 75
URL = 3000
SHORT = 60
"""Characters of a text that fits into one of two columns."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FENCE = "```"
Block = dict[str, Any]


def escaped(text: str, most: int) -> str:
    """``text`` with the three signs escaped that Slack reads, cut to ``most`` units; no escape is cut in two."""
    whole = "".join(_ESCAPES.get(sign, sign) for sign in text)
    if _units(whole) <= most:
        return whole
    pieces, room = [], most - len(CUT)
    for sign in text:
        piece = _ESCAPES.get(sign, sign)
        room -= _units(piece)
        if room < 0:
            break
        pieces.append(piece)
    return "".join(pieces) + CUT


def message_blocks(notice: Notice) -> list[Block]:
    """The blocks of the message that shows the state of the incident: at most 20."""
    blocks: list[Block] = [{"type": "header", "text": _plain(headline(notice), HEADER)}, *_rows(notice)]
    if lines := first_lines(notice):
        blocks.append(_section(_code("First lines", "\n".join(lines))))
    if text := command(notice):
        blocks.append(_section(_code("Command", text)))
    if buttons := _buttons(notice):
        blocks.append({"type": "actions", "elements": buttons})
    blocks.append({"type": "context", "elements": [_mrkdwn(escaped(footer(notice), SECTION))]})
    return blocks


def fallback(notice: Notice) -> str:
    """What a notification on a phone shows, and all there is where blocks are not shown."""
    return escaped(headline(notice), SECTION)


def reply(notice: Notice) -> str:
    """The text in the thread that says what became of the incident."""
    labels = ("Resolved",) if notice.event is Event.RESOLVED else ("Since", "Who acts", "Next step")
    shown = [f"{label}: {text}" for label, text in rows(notice) if label in labels]
    return escaped("\n".join([headline(notice), *shown]), SECTION)


def _rows(notice: Notice) -> list[Block]:
    """Short rows in two columns, a long one as a section of its own, in the order of the rows."""
    blocks: list[Block] = []
    fields: list[Block] = []
    for label, text in rows(notice):
        shown = _mrkdwn(f"*{_unfenced(label, 100)}*\n{_unfenced(text, FIELD - 200)}")
        is_short = len(text) <= SHORT and "\n" not in text
        if fields and (not is_short or len(fields) == FIELDS):
            blocks.append({"type": "section", "fields": fields})
            fields = []
        if is_short:
            fields.append(shown)
        else:
            blocks.append({"type": "section", "text": shown})
    return [*blocks, {"type": "section", "fields": fields}] if fields else blocks


def _buttons(notice: Notice) -> list[Block]:
    usable = [link for link in links(notice) if len(link.url) <= URL]
    return [
        {"type": "button", "action_id": f"link-{index}", "text": _plain(link.label, BUTTON), "url": link.url}
        for index, link in enumerate(usable[:ELEMENTS])
    ]


def _code(label: str, text: str) -> str:
    return f"*{label}*\n{_FENCE}\n{_unfenced(text, SECTION - 40)}\n{_FENCE}"


def _unfenced(text: str, most: int) -> str:
    """``text`` escaped; a fence within would begin a block of code, or end the one around it."""
    return escaped(text.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}") if _FENCE in text else text, most)


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    # verbatim: names of channels and addresses in a text are no links
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": escaped(text, most), "emoji": False}


def _units(text: str) -> int:
    return len(text) + sum(ord(sign) > 0xFFFF for sign in text)
