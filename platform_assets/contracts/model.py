"""What a contract says, in the platform's own words.

``reader`` makes these from an Open Data Contract Standard file; everything else in the platform reads only
these. They are frozen and hold no SQL but what the contract's author wrote, in DuckDB's dialect: how a rule becomes
SQL is the business of ``sql``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platform_assets.contracts.conditions import Count, RowCondition
from platform_assets.contracts.logical_types import LogicalType
from platform_assets.contracts.problems import Problem
from platform_assets.contracts.severity import Severity


class Protection(StrEnum):
    """What happens to a personal column before it is written anywhere outside the quarantine."""

    NONE = "none"
    HASH = "hash"
    MASK = "mask"
    DROP = "drop"


@dataclass(frozen=True)
class NestedProtection:
    """A personal value inside a JSON column: ``path`` is relative to the column, ``*`` stands for list items."""

    path: tuple[str, ...]
    protection: Protection


@dataclass(frozen=True)
class NestedField:
    """A value inside a JSON column, and the rules for it.

    ``path`` is relative to the column, ``*`` stands for list items, and the empty path for the column itself.
    ``column`` has the type and the rules of a plain value; its name is the whole path as reasons have it, such as
    ``lines[].code``. ``shape`` is object, map or array; ``typed`` is false where the contract names no type.
    """

    path: tuple[str, ...]
    column: Column
    shape: str = ""
    typed: bool = True
    min_items: int | None = None
    max_items: int | None = None
    unique_items: bool = False


@dataclass(frozen=True)
class Column:
    """One column of a feed: its name in the file and in the warehouse, its type and its row rules.

    ``declared`` are the paths that the contract knows inside a JSON column, ``*`` for list items and ``**`` below an
    object of which it says nothing more; with ``nested`` protections every other value in it is masked.
    ``inside`` are the rules for values in it.
    ``path`` are the steps to the value in a JSON document, if it is not under the key ``source_name``.
    ``format`` is a date or time pattern in strptime's words. ``default_timezone`` is the zone of a timestamp
    that names none; without it, such a value is not a timestamp with a zone. ``true_values`` and
    ``false_values`` are lower case. ``rounding`` lets a number with too many decimals be rounded.
    The separators are those of numbers that are written as text. ``classified_inside`` are the classifications of
    values inside a JSON column that are in clear.
    """

    name: str
    type: LogicalType
    source_name: str
    description: str = ""
    precision: int | None = None
    scale: int | None = None
    rounding: bool = False
    decimal_separator: str = "."
    thousands_separator: str = ""
    format: str | None = None
    default_timezone: str | None = None
    true_values: tuple[str, ...] = ("true",)
    false_values: tuple[str, ...] = ("false",)
    required: bool = False
    unique: bool = False
    pattern: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    min_length: int | None = None
    max_length: int | None = None
    allowed_values: tuple[str, ...] = ()
    protection: Protection = Protection.NONE
    nested: tuple[NestedProtection, ...] = ()
    declared: tuple[tuple[str, ...], ...] = ()
    inside: tuple[NestedField, ...] = ()
    path: tuple[str, ...] = ()
    classification: str | None = None
    tags: tuple[str, ...] = ()
    classified_inside: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowExpression:
    """A row rule: a condition, or a SQL expression of the contract that is true (or null) for a good row."""

    name: str
    expression: str | RowCondition


@dataclass(frozen=True)
class Bounds:
    """An interval; ``None`` leaves a side open. ``negated`` asks for values outside of it."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    negated: bool = False

    def holds(self, value: float) -> bool:
        inside = True
        if self.low is not None:
            inside = value > self.low if self.low_open else value >= self.low
        if inside and self.high is not None:
            inside = value < self.high if self.high_open else value <= self.high
        return inside != self.negated

    def in_words(self) -> str:
        """What a value must be, such as `must be 0` or `must be 1 or more`."""
        must = "must not be" if self.negated else "must be"
        above = None if self.low is None else f"more than {self.low:g}" if self.low_open else f"{self.low:g} or more"
        below = (
            None if self.high is None else f"less than {self.high:g}" if self.high_open else f"{self.high:g} or less"
        )
        if self.low is not None and self.low == self.high:
            return f"{must} {self.low:g}"
        if above is not None and below is not None and not (self.low_open or self.high_open):
            return f"{must} between {self.low:g} and {self.high:g}"
        return f"{must} {' and '.join(side for side in (above, below) if side is not None) or 'any number'}"

    def __str__(self) -> str:
        left = "(" if self.low_open or self.low is None else "["
        right = ")" if self.high_open or self.high is None else "]"
        low = "-inf" if self.low is None else f"{self.low:g}"
        high = "inf" if self.high is None else f"{self.high:g}"
        return f"{'outside ' if self.negated else ''}{left}{low}, {high}{right}"


class Metric(StrEnum):
    """What a batch rule measures on the rows of one partition."""

    ROW_COUNT = "row_count"
    NULL_FRACTION = "null_fraction"
    DUPLICATE_FRACTION = "duplicate_fraction"
    MEAN = "mean"
    SUM = "sum"
    UNREFERENCED_ROWS = "unreferenced_rows"
    SQL = "sql"
    ANNOUNCED = "announced"


@dataclass(frozen=True)
class Reference:
    """The published table a foreign key must be found in: ``asset`` is its key, such as ``raw/planes``."""

    asset: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class AnnouncedCheck:
    """A check of another package by its ``name``; ``arguments`` are those of the rule, as JSON."""

    name: str
    arguments: str


@dataclass(frozen=True)
class BatchRule:
    """A rule over all rows of one partition, audited on the staged batch before it is published.

    With ``history`` the measured value is divided by the median of the same metric over that many of the
    latest earlier published partitions, and ``bounds`` holds for the ratio; with fewer than three of them the
    rule passes and says so. ``query`` (metric SQL) is a count, or a scalar subquery of the contract in which
    ``{table}`` stands for the rows of the partition, and ``{column}`` for the column in ``columns``.
    """

    name: str
    metric: Metric
    bounds: Bounds
    columns: tuple[str, ...] = ()
    history: int | None = None
    reference: Reference | None = None
    query: str | Count | None = None
    severity: Severity = Severity.ERROR
    description: str = ""
    check: AnnouncedCheck | None = None


class FileKind(StrEnum):
    """The formats that are built in."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True)
class FileFormat:
    """How a delivery's files are written. Compression is found by the file's own first bytes.

    ``kind`` is one of :class:`FileKind`, or the name of a format that another package announces.
    """

    kind: FileKind | str
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    encoding: str = "utf-8"
    header: bool = True
    null_strings: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class NotDue:
    """A rule for partitions on which nothing is due; any one field that is set and fits is enough."""

    reason: str
    weekday: int | None = None
    date: dt.date | None = None
    after: dt.date | None = None


@dataclass(frozen=True)
class Freshness:
    """How late the newest data may be, from the contract's SLA properties; ``None`` where it says nothing.

    ``objective`` is the share of partitions, above 0 and below 1, that have to be published by their deadlines.
    """

    latency: dt.timedelta | None = None
    deadline_cron: str | None = None
    timezone: str = "UTC"
    objective: float | None = None


@dataclass(frozen=True)
class Contract:
    """A data contract, read and validated.

    ``primary_key`` holds column names, in order; rows that share one are quarantined as duplicates.
    ``quarantine_limit`` is the largest fraction of rows (0 to 1) that may be quarantined before the partition is
    rejected; up to ``quarantine_minimum`` of them never reject it, if other rows are good.
    ``extra_columns`` and ``missing_columns`` say whether such drift is tolerated with a warning
    (only a column that is not required can be missing). ``rows_path`` are the steps to an array of a JSON document,
    ``*`` for each item, if a row is an item of it and not the document. ``about`` are words of the standard that are
    kept as metadata, each with what it holds as JSON. ``undecided`` is personal data without a protection. ``key`` is
    the end of the keys of the feed's assets, where that is not its name.
    """

    name: str
    version: str
    path: Path
    format: FileFormat
    columns: tuple[Column, ...]
    description: str = ""
    domain: str | None = None
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    row_expressions: tuple[RowExpression, ...] = ()
    batch_rules: tuple[BatchRule, ...] = ()
    quarantine_limit: float = 0.0
    quarantine_minimum: int = 0
    empty_allowed: bool = False
    extra_columns: bool = False
    missing_columns: bool = False
    rows_path: tuple[str, ...] = ()
    not_due: tuple[NotDue, ...] = ()
    freshness: Freshness = Freshness()
    notes: tuple[str, ...] = ()
    about: tuple[tuple[str, str], ...] = ()
    key: tuple[str, ...] = ()
    undecided: tuple[Problem, ...] = ()

    @property
    def hashes_values(self) -> bool:
        """Whether a column, or a value inside one, is written as a keyed hash: such rows depend on the key."""
        written = [rule.protection for column in self.columns for rule in column.nested]
        return Protection.HASH in (*written, *(column.protection for column in self.columns))

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
