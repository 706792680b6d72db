"""What the orchestrator takes as an owner, a group, a tag, a name and a schedule.

These are Dagster's rules, written out: a contract is checked in places without Dagster, and what Dagster refuses
keeps every feed of a project from loading. What it would refuse is put into a form that it takes, with a note.
tests/contracts/test_orchestration.py compares the rules with Dagster's own.
"""

from __future__ import annotations

import re

from platform_assets.contracts.problems import Findings, Path_

EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}\b")
NAME = re.compile(r"[A-Za-z0-9_]+")
GROUP = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*")
TAG = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
CRON_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
LONGEST_NAME = 100


def is_owner(text: str) -> bool:
    """An email address, or `team:` and a name."""
    return bool(EMAIL.fullmatch(text)) or (text.startswith("team:") and len(text) > len("team:"))


def is_cron(text: str) -> bool:
    """Five fields of numbers, ranges, lists and steps: minute, hour, day, month, day of the week."""
    fields = text.split(" ")
    if len(fields) != len(CRON_FIELDS) or not all(map(_is_field, fields, CRON_FIELDS)):
        return False
    # the 30th of February never comes
    return not (fields[3] == "2" and fields[2] in ("30", "31"))


def _is_field(text: str, span: tuple[int, int]) -> bool:
    for part in text.split(","):
        match = re.fullmatch(r"(\*|([0-9]{1,2})(-([0-9]{1,2}))?)(/([0-9]{1,2}))?", part)
        if match is None:
            return False
        first, last, step = match[2], match[4], match[6]
        if step is not None and ((first is not None and last is None) or not 1 <= int(step) <= span[1]):
            return False
        if first is not None and not span[0] <= int(first) <= int(last or first) <= span[1]:
            return False
    return True


def as_name(text: str) -> str:
    """A name of assets: other signs than letters, digits and '_' become '_', and it is cut to what fits."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)[:LONGEST_NAME]


def as_group(text: str) -> str:
    """A group, with '/' between groups; other signs become '_'."""
    return "/".join(filter(None, (as_name(part) for part in text.split("/")))) or "default"


def as_tag(text: str) -> str:
    """The key of a tag, with one '/' at most; other signs become '_'."""
    before, slash, after = text.partition("/")
    parts = [re.sub(r"[^A-Za-z0-9_.-]+", "_", part)[:63] or "_" for part in ((before, after) if slash else (before,))]
    return "/".join(parts)


def noted(given: str, taken: str, path: Path_, findings: Findings) -> str:
    """``taken``, with a note where it is not what was given."""
    if given != taken:
        findings.note(path, f"{given[:80]!r} becomes {taken!r}, as the orchestrator takes no other signs")
    return taken
