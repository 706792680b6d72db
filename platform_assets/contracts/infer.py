"""Writes a first contract from a sample file. A person reads it, and tightens it, before it is used.

It says no more than the sample shows: types that every value has exactly, nulls, a key that looks like one. It
passes ``contract check``, and the sample can be ingested under it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from platform_assets.contracts.identifiers import sql_path
from platform_assets.contracts.model import FileFormat, FileKind
from platform_assets.contracts.sampling import JsonNumber, Sample, SampleError, read_sample

NULL_WORDS = ("NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "-", "?", "\\N")
PERSONAL = re.compile(
    r"(^|_)(e?mail|phone|mobile|ssn|passport|first_?name|last_?name|surname|birth|iban|address)", re.IGNORECASE
)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?")
NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def infer_contract(path: Path, name: str | None = None) -> str:
    """The text of a contract for files like ``path``; :class:`SampleError` when it cannot be read."""
    feed = name or re.sub(r"[^a-z0-9]+", "_", path.name.split(".")[0].lower()).strip("_") or "feed"
    if _is_parquet(path):
        return _text(feed, FileFormat(FileKind.PARQUET), _parquet_properties(path))
    sample = read_sample(path)
    if not sample.columns:
        raise SampleError(f"{path}: no columns were found in it")
    nulls = _null_words(sample) if sample.format.kind is FileKind.CSV else []
    properties = [_property(column, values, nulls, sample) for column, values in sample.columns.items()]
    _mark_key(properties, sample, nulls)
    return _text(feed, sample.format, properties, nulls)


def _is_parquet(path: Path) -> bool:
    if not path.is_file():
        raise SampleError(f"{path}: there is no such file")
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _null_words(sample: Sample) -> list[str]:
    """Words that stand for null: without them their column has one type, with them it is only text."""
    found: list[str] = []
    for values in sample.columns.values():
        given = {value for value in values if value != ""}
        words = [word for word in NULL_WORDS if word in given]
        rest = [value for value in given if value not in words]
        if words and rest and _type_of(rest)["logicalType"] != "string":
            found += [word for word in words if word not in found]
    return found


def _property(name: str, values: Sequence[Any], nulls: list[str], sample: Sample) -> dict[str, Any]:
    present = (
        [value for value in values if value is not None and value not in ("", *nulls)]
        if sample.format.kind is FileKind.CSV
        else [v for v in values if v is not None]
    )
    return {"name": name, **_type_of(present)}


def _type_of(values: Sequence[Any]) -> dict[str, Any]:
    """The narrowest type that every value has in its exact form; text where there is none."""
    if not values:
        return {"logicalType": "string"}
    if all(isinstance(value, bool) for value in values):
        return {"logicalType": "boolean"}
    if all(isinstance(value, dict) for value in values):
        keys = list(dict.fromkeys(key for value in values for key in value))
        inner = [{"name": key, **_type_of([v[key] for v in values if v.get(key) is not None])} for key in keys]
        return {"logicalType": "object", "properties": inner} if inner else {"logicalType": "object"}
    if all(isinstance(value, list | dict) for value in values):
        items = [item for value in values if isinstance(value, list) for item in value if item is not None]
        return {"logicalType": "array", "items": _type_of(items)} if items else {"logicalType": "array"}
    if not all(isinstance(value, str) for value in values):
        return {"logicalType": "string"}
    if any(isinstance(value, JsonNumber) for value in values) and not all(isinstance(v, JsonNumber) for v in values):
        return {"logicalType": "string"}
    return _type_of_texts(values)


def _type_of_texts(values: Sequence[str]) -> dict[str, Any]:
    if all(value.lower() in ("true", "false") for value in values):
        return {"logicalType": "boolean"}
    if all(re.fullmatch(r"-?(0|[1-9]\d*)", value) for value in values):
        if all(-(2**63) <= int(value) < 2**63 for value in values):
            return {"logicalType": "integer"}
        return {"logicalType": "string"}
    if all(NUMBER.fullmatch(value) and not re.match(r"-?0\d", value) for value in values):
        return _number(values)
    if all(DATE.fullmatch(value) and _is_time(value) for value in values):
        return {"logicalType": "date"}
    matches = [TIMESTAMP.fullmatch(value) for value in values]
    if all(match is not None and _is_time(match[1] + " " + match[2]) for match in matches):
        zones = {bool(match and match[3]) for match in matches}
        if zones == {True}:
            return {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
        if zones == {False}:
            return {"logicalType": "timestamp"}
    return {"logicalType": "string"}


def _number(values: Sequence[str]) -> dict[str, Any]:
    """A decimal when all values have few places, which is how amounts are written; else a double."""
    places = max(len(value.partition(".")[2]) for value in values)
    whole = max(len(value.partition(".")[0].lstrip("-")) for value in values)
    if places <= 4 and not any("e" in value.lower() for value in values) and whole <= 30:
        return {"logicalType": "number", "physicalType": f"DECIMAL({min(max(whole + 3, 12) + places, 38)},{places})"}
    if all(_survives(value) for value in values):
        return {"logicalType": "number"}
    if not any("e" in value.lower() for value in values) and whole + places <= 38:
        return {"logicalType": "number", "physicalType": f"DECIMAL(38,{places})"}
    return {"logicalType": "string"}


def _survives(value: str) -> bool:
    """Whether a double keeps every digit of the number."""
    number = float(value)
    return Decimal(repr(number)) == Decimal(value) or Decimal(f"{number:.16e}") == Decimal(value)


def _is_time(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _mark_key(properties: list[dict[str, Any]], sample: Sample, nulls: list[str]) -> None:
    """The first column that is named like a key, has no nulls and no value twice."""
    for item in properties:
        values = sample.columns[item["name"]]
        if re.search(r"(^|_)(id|key|uuid)$", item["name"], re.IGNORECASE) and item["logicalType"] in (
            "string",
            "integer",
        ):
            whole = all(value is not None and value not in ("", *nulls) for value in values)
            if whole and sample.rows > 1 and len(set(values)) == len(values):
                item.update(required=True, primaryKey=True, primaryKeyPosition=1)
                return


def _parquet_properties(path: Path) -> list[dict[str, Any]]:
    import duckdb

    try:
        with duckdb.connect() as engine:
            relation = f"read_parquet({sql_path(path)}, hive_partitioning = false)"
            described = engine.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    except duckdb.Error as error:
        raise SampleError(f"{path}: is not an intact Parquet file: {str(error).splitlines()[0]}") from None
    return [{"name": str(row[0]), **_of_engine_type(str(row[1]))} for row in described]


def _of_engine_type(kind: str) -> dict[str, Any]:
    if kind.endswith("]") or kind.startswith("MAP"):
        return {"logicalType": "array" if kind.endswith("]") else "object"}
    if kind.startswith("STRUCT") or kind == "JSON":
        return {"logicalType": "object"}
    if kind.startswith("DECIMAL"):
        return {"logicalType": "number", "physicalType": kind}
    if kind in ("HUGEINT", "UBIGINT", "UHUGEINT"):
        return {"logicalType": "number", "physicalType": "DECIMAL(38,0)"}
    if kind == "TIMESTAMP WITH TIME ZONE":
        return {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
    families = {
        "INT": "integer",
        "DOUBLE": "number",
        "FLOAT": "number",
        "BOOLEAN": "boolean",
        "DATE": "date",
        "TIMESTAMP": "timestamp",
    }
    return {"logicalType": next((logical for word, logical in families.items() if word in kind), "string")}


def _text(feed: str, form: FileFormat, properties: list[dict[str, Any]], nulls: Sequence[str] = ()) -> str:
    lines = [
        "apiVersion: v3.1.0", "kind: DataContract", f"id: {_scalar(feed)}", "version: 1.0.0", "status: draft",
        "description:", f"  purpose: {_scalar(f'Inferred from a sample of {feed}; to be reviewed before it is used.')}",
        "servers:", "  - server: landing", "    type: local", f"    path: {_scalar(feed)}",
        f"    format: {'json' if form.kind is FileKind.JSONL else form.kind}",
    ]  # fmt: skip
    if form.kind is FileKind.CSV:
        lines.append(f"    delimiter: {_scalar(form.delimiter)}")
        lines.append(f"    encoding: {form.encoding}")
        if nulls:
            lines += [
                "    customProperties:",
                "      - property: nullStrings",
                f"        value: {_scalar(['', *nulls])}",
            ]
    lines += ["schema:", f"  - name: {_scalar(feed)}", "    physicalType: file", "    properties:"]
    for item in properties:
        lines += _property_lines(item, "      ")
    lines += [
        "    quality:", "      - type: library", "        metric: rowCount", "        mustBeGreaterThan: 0",
        "customProperties:", "  - property: quarantineLimit", "    value: 0.05", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _property_lines(item: dict[str, Any], indent: str, lead: str = "- ") -> list[str]:
    lines: list[str] = []
    if PERSONAL.search(str(item.get("name", ""))):
        lines.append(
            f"{indent}# looks personal: consider classification: personal, with the custom property protection"
        )
    first = True
    for key, value in item.items():
        prefix = indent + (lead if first else "  " * bool(lead))
        first = False
        if key == "properties":
            lines.append(f"{prefix}{key}:")
            for inner in value:
                lines += _property_lines(inner, indent + "    ")
        elif key == "items":
            lines.append(f"{prefix}{key}:")
            lines += _property_lines(value, indent + "    ", lead="")
        else:
            lines.append(f"{prefix}{key}: {_scalar(value)}")
    return lines


def _scalar(value: Any) -> str:
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value)
        and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
