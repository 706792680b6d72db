"""What a contract says about the feed as a whole: file format, limits, days without data, freshness, owners."""

from __future__ import annotations

import codecs
import datetime as dt
import re
from typing import Any

from platform_assets.announced import FORMATS as FORMATS_GROUP
from platform_assets.announced import announced
from platform_assets.contracts.model import FileFormat, FileKind, Freshness, NotDue
from platform_assets.contracts.plain_values import plain_number
from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.properties import custom, mappings
from platform_assets.contracts.zones import check_zone

FORMATS = {
    "csv": FileKind.CSV, "tsv": FileKind.CSV, "delimited": FileKind.CSV, "json": FileKind.JSONL,
    "jsonl": FileKind.JSONL, "ndjson": FileKind.JSONL, "jsonlines": FileKind.JSONL, "parquet": FileKind.PARQUET,
}  # fmt: skip
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
SERVER_CUSTOM = frozenset({"delimiter", "encoding", "quote", "escape", "header", "nullStrings"})
TERMS = frozenset(
    {"quarantineLimit", "emptyDelivery", "extraColumns", "missingColumns", "notDue", "owners", "timezone"}
)
NO_FILES = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DEFAULT_QUARANTINE_LIMIT = 0.05
LONGEST = 100 * 31557600
"""Seconds of the longest latency: 100 years."""
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}


def read_format(data: dict[str, Any], findings: Findings) -> FileFormat:
    """The file format, from the first entry of ``servers`` that names one."""
    for index, server in mappings(data, "servers"):
        if server.get("format") is not None:
            return _format(server, ("servers", index), findings)
    findings.problem(("servers",), "one entry must name the files' format: csv, json or parquet")
    return FileFormat(FileKind.CSV)


def _format(server: dict[str, Any], path: Path_, findings: Findings) -> FileFormat:
    word = str(server["format"]).lower()
    kind: FileKind | str | None = FORMATS.get(word)
    if kind is None and word in announced(FORMATS_GROUP):
        kind = word
    if kind is None:
        known = {**FORMATS, **announced(FORMATS_GROUP)}
        words = ", ".join(["csv", "json", "parquet", *sorted(announced(FORMATS_GROUP))])
        findings.problem((*path, "format"), f"{server['format']!r} must be one of {words}{suggestion(word, known)}")
        return FileFormat(FileKind.CSV)
    properties = custom(server, path, SERVER_CUSTOM, findings)
    values = {name: value for name, (value, _) in properties.items()}
    delimiter = values.get("delimiter", server.get("delimiter"))
    encoding = str(values.get("encoding", server.get("encoding")) or "utf-8")
    if not _is_text(encoding):
        findings.problem(
            (*path, "encoding"), f"{encoding!r} is no encoding of text that Python knows, such as utf-8 or latin-1"
        )
        encoding = "utf-8"
    if kind not in list(FileKind):
        return FileFormat(kind, encoding=encoding)
    if kind is FileKind.JSONL:
        if delimiter == "array":
            findings.problem(
                (*path, "delimiter"), "'array' is not supported: JSON must have one object on each line (new_line)"
            )
        return FileFormat(kind, encoding=encoding)
    if kind is FileKind.PARQUET:
        return FileFormat(kind)
    delimiter = DELIMITERS.get(str(delimiter), delimiter) if delimiter is not None else "\t" if word == "tsv" else ","
    quote = values.get("quote", '"')
    escape = values.get("escape", quote)
    for name, text in (("delimiter", delimiter), ("quote", quote), ("escape", escape)):
        if (
            not isinstance(text, str)
            or (len(text) != 1 and name == "delimiter")
            or len(text) > 1
            or not text.isascii()
            or (text in "\r\n" and text)
        ):
            findings.problem(
                properties.get(name, (None, (*path, name)))[1], f"{name} must be one ASCII character, not {text!r}"
            )
            return FileFormat(kind)
    if quote and escape not in (quote, "", "\\"):
        findings.problem(
            properties.get("escape", (None, path))[1], "escape must be the quote itself (doubled quotes) or a backslash"
        )
    header = values.get("header", True)
    if not isinstance(header, bool):
        findings.problem(properties["header"][1], f"header must be true or false, not {header!r}")
        header = True
    nulls = values.get("nullStrings", [""])
    if not isinstance(nulls, list) or not all(isinstance(word, str) for word in nulls):
        findings.problem(
            properties["nullStrings"][1], "nullStrings must be a list of texts, in quotes where YAML needs them"
        )
        nulls = [""]
    return FileFormat(kind, delimiter, quote, escape or quote, encoding, header, tuple(nulls))


def _is_text(encoding: str) -> bool:
    """Whether files can be in it: Python also names ways to pack bytes, and to write domain names, encodings."""
    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):
        return False
    return getattr(found, "_is_text_encoding", True) and found.name not in NO_FILES


def read_terms(data: dict[str, Any], findings: Findings) -> dict[str, Any]:
    """The contract's own custom properties, as keyword arguments of ``Contract``."""
    given = custom(data, (), TERMS, findings)
    terms: dict[str, Any] = {"quarantine_limit": DEFAULT_QUARANTINE_LIMIT}
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


def read_owners(data: dict[str, Any]) -> tuple[str, ...]:
    """User names of the team: those with the role of an owner, or all of them when none has it."""
    team = data.get("team")
    members = team if isinstance(team, list) else team.get("members") if isinstance(team, dict) else None
    people = [
        member
        for member in members or []
        if isinstance(member, dict) and member.get("username") and not member.get("dateOut")
    ]
    owners = [member for member in people if "owner" in str(member.get("role") or "").lower()] or people
    named = [str(member["username"]) for member in owners]
    if not named and isinstance(team, dict) and team.get("name"):
        named = [f"team:{team['name']}"]
    return tuple(named)


def read_freshness(data: dict[str, Any], findings: Findings) -> Freshness:
    """How late the newest data may be. The standard's other SLA properties are reported as notes."""
    latency: dt.timedelta | None = None
    cron: str | None = None
    zone = "UTC"
    for _, item in mappings(data, "customProperties"):
        if item.get("property") == "timezone":
            zone = str(item.get("value"))
    for index, item in mappings(data, "slaProperties"):
        path = ("slaProperties", index)
        name = str(item.get("property") or "").lower()
        if name in ("latency", "freshness", "ly"):
            found = _duration(item)
            if found is None:
                findings.problem(
                    (*path, "value"),
                    f"{item.get('value')!r} {item.get('unit') or ''} must be above 0, with the unit d, h, m or s",
                )
            latency = found if latency is None or found is None else min(latency, found)
            cron = str(item["schedule"]) if item.get("schedule") else cron
        elif name in ("timeofavailability", "time_of_availability", "ta"):
            match = re.fullmatch(r"([0-9][0-9]?):([0-9][0-9])(?::[0-9][0-9])?", str(item.get("value")))
            if not match or int(match[1]) > 23 or int(match[2]) > 59:
                findings.problem((*path, "value"), f"{item.get('value')!r} must be a time of day such as '08:30'")
            else:
                cron = f"{int(match[2])} {int(match[1])} * * *"
                zone = str(item.get("valueExt") or zone)
        else:
            findings.note(path, f"the SLA property {item.get('property')!r} is not carried out by the platform")
    check_zone(zone, ("slaProperties",), findings)
    return Freshness(latency, cron, zone)


def _duration(item: dict[str, Any]) -> dt.timedelta | None:
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", str(item.get("value")))
    unit = str(item.get("unit") or (match[2] if match else "") or "").lower()
    if not match or not unit or unit[0] not in SECONDS or unit.startswith("mo"):
        return None
    seconds = float(match[1]) * SECONDS[unit[0]]
    return dt.timedelta(seconds=seconds) if 0 < seconds < LONGEST else None


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
