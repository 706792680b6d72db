"""Writes a first contract from samples. A person reads it, and tightens it, before it is used.

It says no more than the samples show: types that their values have exactly, nulls, a key that looks like one. It
passes ``contract check``, and a sample can be ingested under it: a value of another type than most of its column costs
its row, and the contract allows for as many as the samples have, up to half of their rows.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from platform_assets.contracts.model import FileFormat, FileKind
from platform_assets.formats.inference.first_contract import QUARANTINE_LIMIT, FirstContract, FoundColumn
from platform_assets.formats.inference.opened import SampleError
from platform_assets.formats.inference.parquet_types import is_parquet, is_unique, parquet_texts, parquet_types
from platform_assets.formats.inference.sample_types import json_type
from platform_assets.formats.inference.sampling import ROWS, Sample, column_names, read_sample
from platform_assets.formats.inference.signs import is_named_like_key, personal_name, personal_values
from platform_assets.formats.inference.text_types import TextType, ambiguity, text_type

NULL_WORDS = ("NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "-", "?", "\\N")
ODD_SHARE = 0.5
WORST = 3
"""Columns that a refusal names."""
"""From so many rows on that would be quarantined, there is no contract for the sample."""


def infer_contract(path: Path, name: str | None = None) -> str:
    """The text of a contract for files like ``path``; :class:`SampleError` when it cannot be read."""
    return first_contract([path], name or feed_name(path)).text()


def feed_name(path: Path) -> str:
    """A name for a feed of files like ``path``, by the file's own without its endings."""
    return re.sub(r"[^a-z0-9]+", "_", path.name.split(".")[0].lower()).strip("_") or "feed"


def first_contract(paths: Sequence[Path], feed: str, *, domain: str = "", header: bool | None = None) -> FirstContract:
    """The contract for files like ``paths``, of which there is at least one.

    Raises:
        SampleError: if one of them cannot be read, or they have nothing in common.
    """
    kinds = {path: is_parquet(path) for path in paths}
    if len(set(kinds.values())) > 1:
        one, other = (next(path for path, kind in kinds.items() if kind is which) for which in (True, False))
        raise SampleError(f"{one} is Parquet and {other} is not: samples of one source have one format")
    if kinds[paths[0]]:
        return _of_parquet(paths, feed, domain)
    most = max(ROWS // len(paths), 1)
    samples = [read_sample(path, most, header) for path in paths]
    for path, sample in zip(paths, samples, strict=True):
        _check_alike(paths[0], samples[0], path, sample)
    sources = list(dict.fromkeys(source for sample in samples for source in sample.columns))
    if not sources:
        raise SampleError(f"{paths[0]}: no columns were found in it")
    form = _shared_format([sample.format for sample in samples])
    is_csv = form.kind is FileKind.CSV
    missing: Any = "" if is_csv else None
    values = {
        source: [value for sample in samples for value in sample.columns.get(source, [missing] * sample.rows)]
        for source in sources
    }
    rows, broken = sum(sample.rows for sample in samples), sum(sample.broken for sample in samples)
    nulls = _null_words(values, form.delimiter) if is_csv else []
    columns, odd = _text_columns(values, nulls, form) if is_csv else _json_columns(values)
    names = column_names(sources, paths[0])
    found = tuple(
        dataclasses.replace(
            column,
            name=names[column.source],
            personal=personal_name(names[column.source]) or personal_values(values[column.source]),
            could_be_key=_could_be_key(column, samples, ("", *nulls)),
        )
        for column in columns
    )
    return FirstContract(
        feed=feed,
        format=form,
        columns=_with_key(found, feed),
        rows=rows,
        broken=broken,
        nulls=tuple(nulls),
        limit=_limit(paths[0], rows, broken, len(odd), found),
        is_whole=all(sample.is_whole for sample in samples),
        domain=domain,
        some_missing=is_csv and any(len(sample.columns) < len(sources) for sample in samples),
    )


def _check_alike(first: Path, one: Sample, path: Path, other: Sample) -> None:
    for what, mine, its in (
        ("format", one.format.kind, other.format.kind),
        ("delimiter", one.format.delimiter, other.format.delimiter),
        ("header", one.format.header, other.format.header),
    ):
        # a file of one column has no delimiter
        if mine != its and not (what == "delimiter" and 1 in (len(one.columns), len(other.columns))):
            raise SampleError(f"{first} and {path} differ in their {what} ({mine!r}, {its!r}): they are no one source")
    if not one.columns.keys() & other.columns.keys():
        raise SampleError(f"{first} and {path} have no column in common: they are no one source")


def _shared_format(forms: Sequence[FileFormat]) -> FileFormat:
    """The format of all; ASCII is also text of the encoding that another sample shows."""
    encodings = [form.encoding for form in forms if form.encoding != "utf-8"]
    return dataclasses.replace(forms[0], encoding=encodings[0]) if encodings else forms[0]


def _text_columns(
    values: Mapping[str, Sequence[str]], nulls: Sequence[str], form: FileFormat
) -> tuple[list[FoundColumn], set[int]]:
    """The columns of a text file, and the rows in which a value is not of its column's type."""
    blank = {"", *nulls}
    columns, odd = [], set()
    for source, given in values.items():
        kind = text_type([_trimmed(value) for value in given if value not in blank], form.delimiter)
        wrong = _rows_not_taken(kind, given, blank)
        odd |= wrong
        columns.append(FoundColumn(source, source, kind.words, len(wrong), note=kind.note))
    return columns, odd


def _trimmed(value: str) -> str:
    """The value without spaces around it, which are no part of one that is no text."""
    return value.strip(" ") or value


def _rows_not_taken(kind: TextType, values: Sequence[str], blank: set[str]) -> set[int]:
    if kind.is_text:
        return set()
    wrong = {value for value in set(values) if value not in blank and not kind.takes(_trimmed(value))}
    return {row for row, value in enumerate(values) if value in wrong} if wrong else set()


def _json_columns(values: Mapping[str, Sequence[Any]]) -> tuple[list[FoundColumn], set[int]]:
    columns, odd = [], set()
    for source, given in values.items():
        kind, wrong = json_type(given)
        odd |= wrong
        texts = Counter(value for value in given if type(value) is str)
        note = ambiguity(texts) if kind["logicalType"] == "string" and len(texts) else ""
        columns.append(FoundColumn(source, source, kind, len(wrong), note=note))
    return columns, odd


def _limit(path: Path, rows: int, broken: int, odd: int, columns: Sequence[FoundColumn]) -> float:
    """The quarantine limit that lets the sample through."""
    share = (odd + broken) / max(rows + broken, 1)
    if share >= ODD_SHARE:
        worst = sorted((column for column in columns if column.odd), key=lambda column: -column.odd)[:WORST]
        named = ", ".join(f"{column.source!r} in {column.odd} rows" for column in worst)
        torn = f"{broken} rows cannot be read" if broken else ""
        raise SampleError(
            f"{path}: no contract could take it, since {share:.0%} of its rows are broken or hold a value of another "
            f"type than their column: {'; '.join(filter(None, (named, torn)))}. Have these columns delivered with "
            "values of one type, or leave them out of the sample and write them into the contract as text"
        )
    return (
        max(QUARANTINE_LIMIT, math.ceil(share * 100 + 1) / 100) if share > QUARANTINE_LIMIT - 0.01 else QUARANTINE_LIMIT
    )


def _null_words(columns: Mapping[str, Sequence[str]], delimiter: str) -> list[str]:
    """Words that stand for null: without them their column has one type, with them it is only text."""
    found: list[str] = []
    for values in columns.values():
        words = [word for word in NULL_WORDS if word in set(values)]
        if not words:
            continue
        rest = [_trimmed(value) for value in values if value != "" and value not in words]
        if rest and not text_type(rest, delimiter).is_text:
            found += [word for word in words if word not in found]
    return found


def _could_be_key(column: FoundColumn, samples: Sequence[Sample], blank: Sequence[str]) -> bool:
    """Whether each file has a value in each row, and none twice."""
    if column.words["logicalType"] not in ("string", "integer") or column.odd:
        return False
    for sample in samples:
        values = sample.columns.get(column.source, [])
        if any(value is None or value in blank for value in values) or sample.rows < 2:
            return False
        if len(values) != sample.rows or len(set(map(repr, values))) != len(values):
            return False
    return True


def _with_key(columns: Sequence[FoundColumn], feed: str) -> tuple[FoundColumn, ...]:
    """The columns, the first that is named like the key and could be it marked."""
    found = list(columns)
    for place, column in enumerate(found):
        if column.could_be_key and is_named_like_key(column.name, feed, place):
            found[place] = dataclasses.replace(column, is_key=True)
            break
    return tuple(found)


def _of_parquet(paths: Sequence[Path], feed: str, domain: str) -> FirstContract:
    types: dict[str, dict[str, Any]] = {}
    rows = 0
    found = [parquet_types(path) for path in paths]
    for path, (of_file, count) in zip(paths, found, strict=True):
        rows += count
        for name, kind in of_file.items():
            if types.setdefault(name, kind) != kind:
                one, other = (its.get("physicalType", its["logicalType"]) for its in (types[name], kind))
                raise SampleError(
                    f"{path}: the column {name!r} is {other}, and in {paths[0]} {one}: they are no one source"
                )
    names = column_names(list(types), paths[0])
    columns = tuple(
        FoundColumn(
            name,
            names[name],
            kind,
            personal=personal_name(name) or _personal_texts(paths, name, kind),
            could_be_key=kind["logicalType"] in ("integer", "string") and all(is_unique(path, name) for path in paths),
        )
        for name, kind in types.items()
    )
    missing = any(len(its) < len(types) for its, _ in found)
    form = FileFormat(FileKind.PARQUET)
    return FirstContract(feed, form, _with_key(columns, feed), rows, domain=domain, some_missing=missing)


def _personal_texts(paths: Sequence[Path], column: str, kind: Mapping[str, Any]) -> str:
    if kind["logicalType"] != "string":
        return ""
    return personal_values([text for path in paths for text in parquet_texts(path, column)])
