"""What a contract says about the feed as a whole in custom properties: limits, drift, days without data, owners."""

from __future__ import annotations

import datetime as dt
from typing import Any

from platform_assets.contracts.model import NotDue
from platform_assets.contracts.number_form import PROPERTIES
from platform_assets.contracts.plain_values import plain_number
from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.properties import custom

TERMS = (
    frozenset(
        {
            "quarantineLimit",
            "quarantineMinimum",
            "emptyDelivery",
            "extraColumns",
            "missingColumns",
            "notDue",
            "owners",
            "timezone",
        }
    )
    | PROPERTIES
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DEFAULT_QUARANTINE_LIMIT = 0.05


def read_terms(data: dict[str, Any], findings: Findings) -> dict[str, Any]:
    """The contract's own custom properties, as keyword arguments of ``Contract``."""
    given = custom(data, (), TERMS, findings)
    terms: dict[str, Any] = {"quarantine_limit": DEFAULT_QUARANTINE_LIMIT}
    if "quarantineMinimum" in given:
        least, path = given["quarantineMinimum"]
        if not isinstance(least, int) or isinstance(least, bool) or least < 0:
            findings.problem(path, f"quarantineMinimum must be a number of rows from 0, not {least!r}")
        else:
            terms["quarantine_minimum"] = least
    if "quarantineLimit" in given:
        terms["quarantine_limit"] = _fraction(*given["quarantineLimit"], findings)
    for name, key, yes, no in (
        ("emptyDelivery", "empty_allowed", "allowed", "refused"),
        ("extraColumns", "extra_columns", "tolerated", "refused"),
        ("missingColumns", "missing_columns", "tolerated", "refused"),
    ):
        if name in given:
            value, path = given[name]
            if value not in (yes, no, True, False):
                findings.problem(path, f"{name} must be {yes} or {no}, not {value!r}")
            terms[key] = value in (yes, True)
    if "notDue" in given:
        terms["not_due"] = _not_due(*given["notDue"], findings)
    if "owners" in given:
        owners = given["owners"][0]
        terms["owners"] = tuple(map(str, owners if isinstance(owners, list) else [owners]))
    return terms


def _fraction(value: Any, path: Path_, findings: Findings) -> float:
    text = str(value).strip()
    plain = plain_number(text.removesuffix("%").strip())
    number = -1.0 if plain is None else float(plain) / (100 if text.endswith("%") else 1)
    if isinstance(value, bool) or not 0 <= number <= 1:
        findings.problem(
            path, f"quarantineLimit must be a fraction from 0 to 1 or a percentage such as 2%, not {value!r}"
        )
        return 0.0
    return number


def _not_due(value: Any, path: Path_, findings: Findings) -> tuple[NotDue, ...]:
    if not isinstance(value, list):
        findings.problem(path, "notDue must be a list of rules, each with a reason and weekday, date or after")
        return ()
    rules: list[NotDue] = []
    for index, item in enumerate(value):
        place = (*path, index)
        if not isinstance(item, dict) or not item.get("reason") or not {"weekday", "date", "after"} & item.keys():
            findings.problem(place, "needs a reason, and at least one of weekday, date and after")
            continue
        for key in item.keys() - {"reason", "weekday", "date", "after"}:
            findings.problem(
                (*place, key), f"is not known here{suggestion(str(key), ('reason', 'weekday', 'date', 'after'))}"
            )
        weekday = None
        if "weekday" in item:
            word = str(item["weekday"]).lower()
            if word not in WEEKDAYS:
                findings.problem((*place, "weekday"), f"{item['weekday']!r} must be one of {', '.join(WEEKDAYS)}")
                continue
            weekday = WEEKDAYS.index(word)
        dates: dict[str, dt.date | None] = {"date": None, "after": None}
        for key in dates:
            if key in item:
                try:
                    dates[key] = dt.date.fromisoformat(str(item[key]))
                except ValueError:
                    findings.problem((*place, key), f"{item[key]!r} must be a date such as 2013-12-31")
        rules.append(NotDue(str(item["reason"]), weekday, dates["date"], dates["after"]))
    return tuple(rules)
