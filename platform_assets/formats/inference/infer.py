"""Writes a first contract from a sample file. A person reads it, and tightens it, before it is used.

It says no more than the sample shows: types that its values have exactly, nulls, a key that looks like one. It
passes ``contract check``, and the sample can be ingested under it: a value of another type than
most of its column costs its row, and the contract allows for as many as the sample has, up to half of its rows.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from platform_assets.contracts.model import FileFormat, FileKind
from platform_assets.formats.inference.sample_types import json_type, type_of
from platform_assets.formats.inference.sampling import Sample, SampleError, column_names, read_sample
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import path_literal

NULL_WORDS = ("NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "-", "?", "\\N")
PERSONAL = re.compile(
    r"(^|_)(e?mail|phone|mobile|ssn|passport|first_?name|last_?name|surname|birth|iban|address)", re.IGNORECASE
)
QUARANTINE_LIMIT = 0.05
NOT_FINITE = 0.04
ODD_SHARE = 0.5
"""From so many rows on that would be quarantined, there is no contract for the sample."""


def infer_contract(path: Path, name: str | None = None) -> str:
    """The text of a contract for files like ``path``; :class:`SampleError` when it cannot be read."""
    feed = name or re.sub(r"[^a-z0-9]+", "_", path.name.split(".")[0].lower()).strip("_") or "feed"
    if _is_parquet(path):
        return _text(feed, FileFormat(FileKind.PARQUET), _parquet_properties(path))
    sample = read_sample(path)
    if not sample.columns:
        raise SampleError(f"{path}: no columns were found in it")
    nulls = _null_words(sample) if sample.format.kind is FileKind.CSV else []
    names = column_names(list(sample.columns), path)
    if sample.format.kind is FileKind.JSONL:
        found = {column: json_type(values) for column, values in sample.columns.items()}
        types, odd = {column: kind for column, (kind, _) in found.items()}, set().union(*(o for _, o in found.values()))
    else:
        blank = ("", *nulls)
        types = {c: type_of([v for v in values if v not in blank]) for c, values in sample.columns.items()}
        odd = set()
    properties = [{**_named(column, names[column]), **types[column]} for column in sample.columns]
    _mark_key(properties, sample, nulls)
    return _text(feed, sample.format, properties, nulls, _limit(path, sample, len(odd)))


def _limit(path: Path, sample: Sample, odd: int) -> float:
    """The quarantine limit that lets the sample through."""
    share = (odd + sample.broken) / max(sample.rows + sample.broken, 1)
    if share >= ODD_SHARE:
        raise SampleError(
            f"{path}: {share:.0%} of its rows are of another type than the rest, or broken: no contract could take it"
        )
    return (
        max(QUARANTINE_LIMIT, math.ceil(share * 100 + 1) / 100) if share > QUARANTINE_LIMIT - 0.01 else QUARANTINE_LIMIT
    )


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
        if words and rest and type_of(rest)["logicalType"] != "string":
            found += [word for word in words if word not in found]
    return found


def _named(source: str, name: str) -> dict[str, Any]:
    return {"name": name} if name == source else {"name": name, "physicalName": source}


def _mark_key(properties: list[dict[str, Any]], sample: Sample, nulls: list[str]) -> None:
    """The first column that is named like a key, has no nulls and no value twice."""
    for item in properties:
        values = sample.columns[item.get("physicalName", item["name"])]
        if re.search(r"(^|_)(id|key|uuid)$", item["name"], re.IGNORECASE) and item["logicalType"] in (
            "string",
            "integer",
        ):
            whole = all(value is not None and value not in ("", *nulls) for value in values)
            if whole and sample.rows > 1 and len(set(map(repr, values))) == len(values):
                item.update(required=True, primaryKey=True, primaryKeyPosition=1)
                return


def _parquet_properties(path: Path) -> list[dict[str, Any]]:
    import duckdb

    try:
        with duckdb.connect() as engine:
            relation = f"read_parquet({path_literal(path)}, hive_partitioning = false)"
            described = {
                str(row[0]): str(row[1]) for row in engine.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
            }
            unreal = _not_finite(engine, relation, described)
    except duckdb.Error as error:
        raise SampleError(f"{path}: is not an intact Parquet file: {str(error).splitlines()[0]}") from None
    if unreal:
        raise SampleError(
            f"{path}: {unreal[0]!r} is NaN or infinite in {NOT_FINITE:.0%} of the rows or more, which no type of a "
            "contract takes; write null for a value that is not there"
        )
    names = column_names(list(described), path)
    return [{**_named(name, names[name]), **_of_engine_type(name, kind, path)} for name, kind in described.items()]


def _not_finite(engine: Any, relation: str, described: Mapping[str, str]) -> list[str]:
    doubles = [name for name, kind in described.items() if kind in ("DOUBLE", "FLOAT")]
    if not doubles:
        return []
    shares = ", ".join(f"avg(CASE WHEN NOT isfinite({quoted(name)}) THEN 1 ELSE 0 END)" for name in doubles)
    (row,) = engine.execute(f"SELECT {shares} FROM {relation}").fetchall()
    return [name for name, share in zip(doubles, row, strict=True) if share is not None and share >= NOT_FINITE]


def _of_engine_type(name: str, kind: str, path: Path) -> dict[str, Any]:
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
        "integer": r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)",
        "number": r"DOUBLE|FLOAT",
        "boolean": r"BOOLEAN",
        "date": r"DATE",
        "timestamp": r"TIMESTAMP(_S|_MS|_NS)?",
        "string": r"VARCHAR|UUID|ENUM.*",
    }
    found = next((logical for logical, words in families.items() if re.fullmatch(words, kind)), None)
    if found is None:
        raise SampleError(f"{path}: the column {name!r} is {kind[:80]}, which no type of a contract takes")
    return {"logicalType": found}


def _text(
    feed: str,
    form: FileFormat,
    properties: list[dict[str, Any]],
    nulls: Sequence[str] = (),
    limit: float = QUARANTINE_LIMIT,
) -> str:
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
        "customProperties:", "  - property: quarantineLimit", f"    value: {limit:g}", "",
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
