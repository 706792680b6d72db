"""What has to be done to a table so that it can take given columns. Pure; the engines carry the plan out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from platform_assets.warehouse.errors import IncompatibleTable
from platform_assets.warehouse.protocol import ColumnDef, TableName

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


@dataclass(frozen=True)
class TableChange:
    """Columns to add, and columns whose type is to be widened."""

    added: tuple[ColumnDef, ...]
    widened: tuple[ColumnDef, ...]


def widens(have: str, want: str) -> bool:
    """Whether every value of type ``have`` is a value of type ``want``, exactly.

    >>> widens("DECIMAL(8,2)", "DECIMAL(10,2)"), widens("DECIMAL(8,2)", "DECIMAL(8,1)"), widens("BIGINT", "DOUBLE")
    (True, False, False)
    """
    if have == want:
        return True
    if have in _INTEGERS and want in _INTEGERS:
        return _INTEGERS.index(have) < _INTEGERS.index(want)
    if (have, want) in {("FLOAT", "DOUBLE"), ("JSON", "VARCHAR")}:
        return True
    wide = _DECIMAL.fullmatch(want)
    if wide is None:
        return False
    precision, scale = int(wide[1]), int(wide[2])
    narrow = _DECIMAL.fullmatch(have)
    if narrow is not None:
        return scale >= int(narrow[2]) and precision - scale >= int(narrow[1]) - int(narrow[2])
    return have in _DIGITS and precision - scale >= _DIGITS[have]


def plan_change(table: TableName, have: Sequence[ColumnDef], want: Sequence[ColumnDef]) -> TableChange:
    """The change that lets ``table`` take ``want``; types on both sides in the engine's own spelling.

    Raises ``IncompatibleTable`` with every column that stands in the way.
    """
    existing = {column.name.lower(): column for column in have}
    added, widened, conflicts = [], [], []
    for column in want:
        present = existing.get(column.name.lower())
        if present is None:
            added.append(column)
        elif present.type != column.type:
            if widens(present.type, column.type):
                widened.append(column)
            elif not widens(column.type, present.type):
                conflicts.append(f"{column.name} is {present.type} there, {column.type} is asked for")
    if conflicts:
        raise IncompatibleTable(
            f"{table}: {'; '.join(conflicts)}. Values would be changed by a conversion, so it is not made. Either give "
            f"the column a new name, or change all partitions at once: `platform-assets reload` does so for a feed's "
            f"table, another one is renamed away and made anew."
        )
    return TableChange(tuple(added), tuple(widened))
