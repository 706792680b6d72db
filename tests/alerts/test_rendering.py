"""What messages say of any notice: within the limits of Slack, and escaped."""

from __future__ import annotations

import datetime as dt
import html.parser
import re
from typing import Any

import pytest
from hypothesis import given, settings

from platform_assets.alerts.notices import Event, Link, Notice
from platform_assets.alerts.rendering.html import page
from platform_assets.alerts.rendering.parts import first_lines, headline, lasted, links, listed, rows
from platform_assets.alerts.rendering.plain import block
from platform_assets.alerts.rendering.slack_blocks import escaped, fallback, message_blocks, reply
from platform_assets.alerts.signals import Severity
from tests.alerts.notices import NOON, NOTICES, notice


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_text(text: dict[str, Any], most: int, kind: str = "") -> None:
    assert text["type"] == (kind or text["type"])
    assert 1 <= units(text["text"]) <= most
    assert text["text"].strip()
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text["text"]), "every sign that Slack reads is escaped"
    assert not re.search(r"[\x00-\x08\ud800-\udfff]", text["text"])


@settings(deadline=None, max_examples=100)
@given(NOTICES)
def test_blocks_are_within_the_limits_of_slack(given: Notice) -> None:
    blocks = message_blocks(given)
    assert 1 <= len(blocks) <= 50
    for shown in blocks:
        if shown["type"] == "header":
            check_text(shown["text"], 150, "plain_text")
        elif shown["type"] == "section" and "fields" in shown:
            assert 1 <= len(shown["fields"]) <= 10
            for field in shown["fields"]:
                check_text(field, 2000, "mrkdwn")
        elif shown["type"] == "section":
            check_text(shown["text"], 3000, "mrkdwn")
            assert shown["text"]["text"].count("```") in (0, 2)
        elif shown["type"] == "actions":
            assert 1 <= len(shown["elements"]) <= 25
            assert len({button["action_id"] for button in shown["elements"]}) == len(shown["elements"])
            for button in shown["elements"]:
                check_text(button["text"], 75, "plain_text")
                assert re.fullmatch(r"https?://\S{1,2990}", button["url"])
        else:
            assert shown["type"] == "context"
            assert len(shown["elements"]) <= 10
            check_text(shown["elements"][0], 3000, "mrkdwn")
    for text in (fallback(given), reply(given)):
        check_text({"type": "mrkdwn", "text": text}, 3000)


class Page(html.parser.HTMLParser):
    """The elements of a page and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.hrefs: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert all(name in ("style", "href") for name, _ in attrs)
        self.hrefs += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(NOTICES)
def test_html_is_escaped(given: Notice) -> None:
    read = Page(page(given))
    assert read.tags <= {"html", "body", "h3", "table", "tr", "td", "pre", "p", "a"}
    assert all(href.startswith(("https://", "http://")) for href in read.hrefs)
    assert headline(given) in read.text


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(NOTICES)
def test_a_text_can_be_written_anywhere(given: Notice) -> None:
    text = block(given)
    text.encode("utf-8")
    assert re.match(r"\[[A-Z]+\] ", text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)


@pytest.mark.parametrize(("text", "most", "shown"), [("a&b", 7, "a&amp;b"), ("a&b", 6, "a…"), ("😀😀", 3, "😀…")])
def test_no_escape_and_no_character_is_cut_in_two(text: str, most: int, shown: str) -> None:
    assert escaped(text, most) == shown


def test_no_fence_of_a_text_makes_a_block_of_code_in_slack() -> None:
    shown = message_blocks(notice(who="```ann", lines=("a ``` b",), owners=("`" * 61,)))
    assert str(shown).count("```") == 4, "those around the lines and the command"


def test_what_is_left_out_is_said() -> None:
    assert listed([str(number) for number in range(40)], 3) == "0, 1, 2 and 37 more"
    assert listed(["a", "b"], 2) == "a, b"
    many = notice(lines=tuple("x" * 49), facts=tuple((str(number), "x") for number in range(14)))
    assert first_lines(many)[-1] == "... and 37 more lines"
    assert ("More", "and 2 more facts, in the UI") in rows(many)
    assert dict(rows(notice(owners=tuple("abcdefg"))))["Owners"] == "a, b, c, d, e and 2 more"


def test_a_resolved_incident_asks_nothing_of_anybody() -> None:
    text = block(notice(Event.RESOLVED, 3))
    assert "Resolved:" in text
    assert not re.search(r"Who acts|Next step|\$ platform-assets", text)


def test_a_link_that_no_browser_should_open_is_left_out() -> None:
    urls = ("javascript:alert(1)", "https://ok.example.org/a?b=1", "https://bad.example.org/\n", "file:///etc/passwd")
    shown = links(notice(links=tuple(Link("Run", url) for url in urls)))
    assert [link.url for link in shown] == ["https://ok.example.org/a?b=1"]


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (dt.timedelta(seconds=-5), "0 min"),
        (dt.timedelta(minutes=59, seconds=59), "59 min"),
        (dt.timedelta(hours=2, minutes=5), "2 h 5 min"),
        (dt.timedelta(days=3, hours=4, minutes=9), "3 d 4 h"),
        (dt.timedelta(days=2), "2 d"),
    ],
)
def test_how_long_it_lasted(passed: dt.timedelta, shown: str) -> None:
    assert lasted(NOON, NOON + passed) == shown


def test_a_title_without_its_subject_gets_it() -> None:
    assert (
        headline(notice(title="the check failed", severity=Severity.WARNING))
        == "[WARNING] raw/orders: the check failed"
    )
    assert headline(notice(Event.ACKNOWLEDGED, 2)).startswith("[ACKNOWLEDGED] raw/orders: 2 partitions")
