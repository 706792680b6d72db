"""Schema drift: how the columns of a file differ from the contract's, told apart and reported.

Only names are looked at here; types are validated value by value, or for typed files in ``parquet``.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence

from platform_assets.contracts.model import Contract
from platform_assets.lake.errors import DeliveryRejected

MANY_DIGITS = 5
"""Digits of a name from which it is taken for a value: of a telephone, an account, a person."""
MAX_PAIRS = 50_000
"""Pairs of a missing and an added name that are compared letter by letter; of more, none is."""


def compare_columns(contract: Contract, found: Sequence[str], file: str, *, ordered: bool = True) -> tuple[str, ...]:
    """Warnings about drift that the contract tolerates; :class:`DeliveryRejected` says what else changed."""
    expected = [column.source_name for column in contract.columns]
    there, wanted = set(found), set(expected)
    twice = sorted(name for name, count in Counter(found).items() if count > 1)
    if twice:
        known = [name for name in twice if name in wanted]
        named = f"the column {_names(known)} is" if known else f"{len(twice)} columns are"
        raise DeliveryRejected("drift:duplicate", f"{file}: {named} there more than once")
    missing = [name for name in expected if name not in there]
    added = [name for name in found if name not in wanted]
    if not missing and not added:
        if ordered and list(found) != expected:
            return (f"{file}: the columns are in another order than in the contract; they were matched by name",)
        return ()
    renamed = _renamed(missing, added, expected, list(found))
    if missing and len(missing) == len(expected):
        hint = "; is the header line missing, or is the delimiter another one?" if ordered else ""
        raise DeliveryRejected(
            "drift:missing",
            # what stands where the names should be may be a row of data: it is not quoted
            f"{file}: none of the contract's {len(expected)} columns is there, but {len(found)} others{hint}",
        )
    required = {column.source_name for column in contract.columns if column.required}
    if renamed:
        changes = _changes(renamed)
        tolerated = contract.missing_columns and contract.extra_columns and not required.intersection(missing)
        if not tolerated:
            raise DeliveryRejected(
                "drift:renamed",
                f"{file}: a column seems to be renamed: {changes}. If so, give the contract's column the new name as "
                "physicalName" + _rest(missing, added, renamed),
            )
    lost = [name for name in missing if name in required or not contract.missing_columns]
    if lost:
        raise DeliveryRejected(
            "drift:missing",
            f"{file}: the column {_names(lost)} is missing" + (f"; added: {_names(added)}" if added else ""),
        )
    if added and not contract.extra_columns:
        raise DeliveryRejected(
            "drift:added",
            f"{file}: the column {_names(added)} is not in the contract; add it, or tolerate it with extraColumns",
        )
    warnings = []
    if renamed:
        warnings.append(f"{file}: a column seems to be renamed: {_changes(renamed)}")
    if missing:
        warnings.append(f"{file}: the column {_names(missing)} is missing and was read as null")
    if added:
        warnings.append(f"{file}: the column {_names(added)} is not in the contract and was left out")
    return tuple(warnings)


def shown_name(name: str) -> str:
    """A column's or key's name for a message, in quotes; of one that looks like a value only its length.

    Some senders have values for keys, as in ``{"ann@example.org": 3}``, and messages are kept in the event log.
    """
    if "@" in name or sum(map(str.isdigit, name)) >= MANY_DIGITS:
        return f"(not shown: {len(name)} characters that look like a value)"
    return repr(name[:60])


def _renamed(missing: list[str], added: list[str], expected: list[str], found: list[str]) -> list[tuple[str, str]]:
    """Pairs of a missing and an added column that look like one column: alike in name, or alone in its place."""
    pairs: list[tuple[str, str]] = []
    left = dict.fromkeys(added)
    compared = len(missing) * len(added) <= MAX_PAIRS
    places = {name: place for place, name in enumerate(expected)}
    for old in missing:
        close = difflib.get_close_matches(old.lower(), [n.lower() for n in left], n=1, cutoff=0.6) if compared else []
        new = next((name for name in left if name.lower() == close[0]), None) if close else None
        if new is None and len(expected) == len(found) and found[places[old]] in left:
            new = found[places[old]]
        if new is not None:
            pairs.append((old, new))
            del left[new]
    return pairs


def _rest(missing: list[str], added: list[str], renamed: list[tuple[str, str]]) -> str:
    olds, news = {old for old, _ in renamed}, {new for _, new in renamed}
    lost = [name for name in missing if name not in olds]
    new = [name for name in added if name not in news]
    return (f"; missing: {_names(lost)}" if lost else "") + (f"; added: {_names(new)}" if new else "")


def _changes(renamed: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join(f"{shown_name(old)} to {shown_name(new)}" for old, new in renamed[:10])
    return shown + (f" and {len(renamed) - 10} more" if len(renamed) > 10 else "")


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(map(shown_name, names[:10]))
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")
