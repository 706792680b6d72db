"""What the orchestrator takes as an owner, a group, a tag, a name and a schedule.

These are Dagster's rules, written out: a contract is checked in places without Dagster, and what Dagster refuses
keeps every feed of a project from loading. tests/contracts/test_orchestration.py compares them with Dagster's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from platform_assets.contracts.model import Contract
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


def check_names(contract: Contract, data: Mapping[str, Any], table: Path_, findings: Findings) -> None:
    """Add a problem for each word of the contract that Dagster would refuse when the feed is loaded."""
    if not NAME.fullmatch(contract.name) or len(contract.name) > LONGEST_NAME:
        message = f"{contract.name[:60]!r}: the feed's name has letters, digits and '_' only, at most {LONGEST_NAME}"
        findings.problem((*table, "name"), message)
    if contract.domain is not None and not GROUP.fullmatch(contract.domain):
        message = f"{contract.domain!r} becomes the assets' group: letters, digits and '_', with '/' between groups"
        findings.problem(("domain",), message)
    for owner in contract.owners:
        if not is_owner(owner):
            message = f"{owner!r} is no owner that Dagster takes: an email address, or 'team:' and a name"
            findings.problem(_place(owner, data), message)
    for path, owner_of in (((), data), (table, _table(data, table))):
        for index, tag in enumerate(owner_of.get("tags") or []):
            if not TAG.fullmatch(str(tag)):
                message = (
                    f"{str(tag)[:80]!r}: a tag has letters, digits, '_', '-' and '.', up to 63, and one '/' at most"
                )
                findings.problem((*path, "tags", index), message)
    cron = contract.freshness.deadline_cron
    if cron is not None and not is_cron(cron):
        rules = enumerate(data.get("slaProperties") or [])
        index = next((i for i, rule in rules if isinstance(rule, dict) and rule.get("schedule") == cron), 0)
        message = f"{cron!r} must have five fields: minute, hour, day, month and day of the week, such as '30 8 * * *'"
        findings.problem(("slaProperties", index, "schedule"), message)


def _table(data: Mapping[str, Any], path: Path_) -> Mapping[str, Any]:
    found: Any = data
    for step in path:
        found = found[step]
    return found if isinstance(found, dict) else {}


def _place(owner: str, data: Mapping[str, Any]) -> Path_:
    """Where an owner stands in the file."""
    for index, item in enumerate(data.get("customProperties") or []):
        if isinstance(item, dict) and item.get("property") == "owners":
            return ("customProperties", index, "value")
    team = data.get("team")
    members = team.get("members") if isinstance(team, dict) else team
    for index, member in enumerate(members or []):
        if isinstance(member, dict) and str(member.get("username")) == owner:
            return ("team", *(("members",) if isinstance(team, dict) else ()), index, "username")
    return ("team",)
