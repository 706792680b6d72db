"""Values in a contract as plain text: numbers, dates and times in one form each.

A value that is not of its column's type is no rule: it would refuse every row, or none. A number is put into
statements as it is written here, so nothing passes that is not wholly understood.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal, localcontext
from typing import Any

from platform_assets.contracts.model import Column, LogicalType

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
DIGITS = 38
"""Digits of a number that DuckDB compares exactly."""


def plain_text(value: Any, kind: LogicalType) -> str | None:
    """``value`` of a YAML file as plain text of the type ``kind``, such as ``1000`` for ``1e3``; None if it is none."""
    if value is None or isinstance(value, (dict, list)):
        return None
    if kind in (LogicalType.INTEGER, LogicalType.NUMBER):
        return plain_number(value)
    text = yaml_text(value)
    if kind is LogicalType.BOOLEAN:
        return text.lower() if text.lower() in ("true", "false") else None
    if kind is LogicalType.DATE:
        return _date(text)
    if kind in (LogicalType.TIMESTAMP, LogicalType.TIMESTAMP_TZ):
        return _moment(text, zoned=kind is LogicalType.TIMESTAMP_TZ)
    if kind is LogicalType.JSON or isinstance(value, (bool, float)):
        return None  # YAML has read another value than was written: yes, 1.10
    return text


def value_of(column: Column, value: Any) -> str | None:
    """``value`` as plain text, if values of the column's type can be equal to it."""
    text = plain_text(value, column.type)
    if text is None or column.type not in (LogicalType.INTEGER, LogicalType.NUMBER):
        return text
    number = Decimal(text)
    if column.type is LogicalType.NUMBER and column.precision is None:
        return text if fits_double(text) else None
    scale = column.scale or 0
    limit = Decimal(2**63 - 1) if column.precision is None else Decimal(10) ** (column.precision - scale)
    with localcontext(prec=400):
        whole = number.scaleb(scale)
        return text if abs(number) <= limit and whole == whole.to_integral_value() else None


def fits_double(text: str) -> bool:
    """Whether a double holds the number without losing a digit; of others no delivered value is taken.

    Up to 15 digits never lose one. Longer ones are compared with the shortest text of the double and its 17 digits.
    """
    number = float(text)
    if not math.isfinite(number):
        return False
    digits = _digits(text)
    return len(digits) <= 15 or digits in (_digits(repr(number)), _digits(f"{number:.16e}"))


def _digits(text: str) -> str:
    return "".join(map(str, Decimal(text).as_tuple().digits)).strip("0")


def plain_number(value: Any) -> str | None:
    """A number without exponent, with at most :data:`DIGITS` digits on each side of the point; None if it is none."""
    text = str(value).strip() if isinstance(value, (int, float, str)) and not isinstance(value, bool) else ""
    if not NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    plain = format(number, "f")
    whole, _, decimals = plain.lstrip("+-").partition(".")
    if len(whole) + len(decimals) > DIGITS + 1:
        # a double such as 1e300 has no plain form that DuckDB reads as one
        return repr(float(number)) if isinstance(value, float) and abs(number) < Decimal("1e308") else None
    return plain


def yaml_text(value: Any) -> str:
    """A YAML value as it would stand in a file: dates in ISO form, booleans in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    return str(value)


def _date(text: str) -> str | None:
    """A date in ISO form; the midnight with which a day begins is one too."""
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        moment = _moment(text, zoned=False)
    return moment.split(" ")[0] if moment is not None and moment.endswith(" 00:00:00") else None


def _moment(text: str, *, zoned: bool) -> str | None:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    # an offset beside a time without a zone would move it
    return moment.isoformat(" ") if zoned or moment.tzinfo is None else None
