"""What rules of a contract ask for that its author did not write as SQL: conditions on rows, and counts of values.

How one of them becomes SQL is the business of ``sql``.
"""

from __future__ import annotations

from dataclasses import dataclass

from platform_assets.contracts.logical_types import LogicalType


@dataclass(frozen=True)
class Matches:
    """A text in which the regular expression ``pattern`` is found."""

    column: str
    pattern: str


@dataclass(frozen=True)
class MultipleOf:
    """A number that is a multiple of ``step``, a plain number above 0."""

    column: str
    step: str


@dataclass(frozen=True)
class NullValues:
    """Values that are null."""

    column: str


@dataclass(frozen=True)
class MissingValues:
    """Values whose text is one of ``words``; nulls too, where ``nulls`` says so."""

    column: str
    words: tuple[str, ...]
    nulls: bool


@dataclass(frozen=True)
class InvalidValues:
    """Values, other than null, that are not among ``valid`` (where there are any), or do not match ``pattern``.

    ``valid`` holds plain texts of values of the type ``kind``; whole numbers and others are both of ``NUMBER``.
    """

    column: str
    kind: LogicalType
    valid: tuple[str, ...] = ()
    pattern: str | None = None


CountedValues = NullValues | MissingValues | InvalidValues


@dataclass(frozen=True)
class CountOf:
    """The number of rows with such a value; with ``percent`` their share of all rows, from 0 to 100."""

    values: CountedValues
    percent: bool = False


@dataclass(frozen=True)
class Copies:
    """The number of rows that are a further copy of a key; nulls count as equal."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Breaches:
    """The number of rows for which the contract's own SQL ``expression`` is false."""

    expression: str


RowCondition = Matches | MultipleOf | InvalidValues
"""Of a good row the first two hold, and the third does not. Null breaks none of them."""

Count = CountOf | Copies | Breaches
