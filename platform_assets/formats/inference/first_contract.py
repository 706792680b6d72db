"""A first contract as a value, and its text: what ``infer`` has found, with a comment where a person has to decide."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from platform_assets.contracts.model import FileFormat, FileKind
from platform_assets.formats.inference.signs import personal_name
from platform_assets.wording import counted

QUARANTINE_LIMIT = 0.05
DECIDE = "consider classification: personal, with the custom property protection"


@dataclass(frozen=True)
class FoundColumn:
    """A column: ``source`` is its name in the file, ``words`` its type in the words of a contract.

    ``odd`` counts the values of the sample that are not of that type, ``personal`` says why it looks personal, and
    ``note`` what only a person can decide. ``could_be_key``: no value is missing or there twice.
    """

    source: str
    name: str
    words: dict[str, Any]
    odd: int = 0
    personal: str = ""
    note: str = ""
    could_be_key: bool = False
    is_key: bool = False

    @property
    def type(self) -> str:
        """The type in a few letters."""
        logical = str(self.words["logicalType"])
        options = self.words.get("logicalTypeOptions", {})
        form = options.get("format") or ("with a time zone" if options.get("timezone") else "")
        custom = ", ".join(f"{item['property']} {item['value']}" for item in self.words.get("customProperties", ()))
        return " ".join(filter(None, (str(self.words.get("physicalType", logical)), form, custom)))

    @property
    def personal_inside(self) -> list[str]:
        """The paths of values inside that look personal."""
        return list(_personal_inside(self.words, ""))


def _personal_inside(words: dict[str, Any], path: str) -> Iterator[str]:
    for item in words.get("properties", ()):
        below = f"{path}.{item['name']}".removeprefix(".")
        if personal_name(str(item["name"])):
            yield below
        yield from _personal_inside(item, below)
    if "items" in words:
        yield from _personal_inside(words["items"], f"{path}[]")


@dataclass(frozen=True)
class FirstContract:
    """What a sample shows of a feed. ``rows`` are those that were looked at, ``broken`` those that are none."""

    feed: str
    format: FileFormat
    columns: tuple[FoundColumn, ...]
    rows: int
    broken: int = 0
    nulls: tuple[str, ...] = ()
    limit: float = QUARANTINE_LIMIT
    is_whole: bool = True
    domain: str = ""
    some_missing: bool = False

    @property
    def key(self) -> str:
        """The column that is marked as the key; empty if none is."""
        return next((column.name for column in self.columns if column.is_key), "")

    def widened(self, names: Collection[str]) -> FirstContract:
        """The same with these columns as text, which takes any value."""
        return self._changed(
            lambda column: (
                dataclasses.replace(column, words={"logicalType": "string"}, odd=0) if column.name in names else column
            )
        )

    def without_key(self) -> FirstContract:
        """The same without a key."""
        return self._changed(lambda column: dataclasses.replace(column, is_key=False, could_be_key=False))

    def _changed(self, change: Any) -> FirstContract:
        return dataclasses.replace(self, columns=tuple(map(change, self.columns)))

    def text(self) -> str:
        """The contract as YAML."""
        return "\n".join([*self._head(), *self._schema(), ""])

    def _head(self) -> Iterator[str]:
        form = self.format
        yield from ("apiVersion: v3.1.0", "kind: DataContract", f"id: {scalar(self.feed)}", "version: 1.0.0")
        yield "status: draft"
        if self.domain:
            yield f"domain: {scalar(self.domain)}"
        purpose = f"Inferred from a sample of {self.feed}; to be reviewed before it is used."
        yield from ("description:", f"  purpose: {scalar(purpose)}")
        yield from ("servers:", "  - server: landing", "    type: local", f"    path: {scalar(self.feed)}")
        yield f"    format: {'json' if form.kind is FileKind.JSONL else form.kind}"
        if form.kind is not FileKind.PARQUET and (form.kind is FileKind.CSV or form.encoding != "utf-8"):
            if form.kind is FileKind.CSV:
                yield f"    delimiter: {scalar(form.delimiter)}"
            yield f"    encoding: {form.encoding}"
        custom = []
        if self.nulls:
            custom += ["      - property: nullStrings", f"        value: {scalar(['', *self.nulls])}"]
        if not form.header:
            custom += ["      - property: header", "        value: false"]
        if form.kind is FileKind.CSV and form.quote != '"':
            custom += ["      - property: quote", f"        value: {scalar(form.quote)}"]
        if form.kind is FileKind.CSV and form.escape != form.quote:
            custom += ["      - property: escape", f"        value: {scalar(form.escape)}"]
        if custom:
            yield "    customProperties:"
            yield from custom

    def _schema(self) -> Iterator[str]:
        yield from ("schema:", f"  - name: {scalar(self.feed)}", "    physicalType: file", "    properties:")
        for column in self.columns:
            yield from (f"      # {comment}" for comment in self._comments(column))
            named = {"name": column.name}
            if column.name != column.source:
                named["physicalName"] = column.source
            key = {"required": True, "primaryKey": True, "primaryKeyPosition": 1} if column.is_key else {}
            yield from _lines({**named, **column.words, **key}, "      ")
        yield from ("    quality:", "      - type: library", "        metric: rowCount", "        mustBeGreaterThan: 0")
        yield from ("customProperties:", "  - property: quarantineLimit", f"    value: {self.limit:g}")
        if self.some_missing:
            yield from ("  # not every sample has every column", "  - property: missingColumns", "    value: tolerated")

    def _comments(self, column: FoundColumn) -> Iterator[str]:
        if column.personal:
            yield f"{column.personal}: {DECIDE}"
        if column.odd:
            rows = counted(self.rows, "row")
            values = counted(column.odd, "value is", "values are")
            yield f"of {rows} of the sample {values} of another type: quarantined as type:{column.name}"
        if column.note:
            yield f"may be {column.note}"


def _lines(item: dict[str, Any], indent: str, lead: str = "- ") -> Iterator[str]:
    first = True
    for key, value in item.items():
        prefix = indent + (lead if first else "  " * bool(lead))
        first = False
        if key == "properties":
            yield f"{prefix}{key}:"
            for inner in value:
                if personal := personal_name(str(inner.get("name", ""))):
                    yield f"{indent}    # {personal}: {DECIDE}"
                yield from _lines(inner, indent + "    ")
        elif key == "items":
            yield f"{prefix}{key}:"
            yield from _lines(value, indent + "    ", lead="")
        else:
            yield f"{prefix}{key}: {scalar(value)}"


def scalar(value: Any) -> str:
    """A value as YAML on one line."""
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value)
        and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
