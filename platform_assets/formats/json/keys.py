"""Which keys there are in the documents of a file: counted, and compared with the contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from platform_assets.contracts.model import Contract
from platform_assets.formats.drift import compare_columns, shown_name

MAX_KEYS = 10_000
"""Different keys of a file that are counted."""
REPORTED = 100
"""Keys that were left out and are reported one by one."""


class Keys:
    """The keys of one file."""

    def __init__(self, contract: Contract, name: str) -> None:
        self.contract, self.name = contract, name
        self.expected = {column.source_name for column in contract.columns}
        self._all: Counter[str] = Counter(dict.fromkeys((column.source_name for column in contract.columns), 0))
        self._unknown: Counter[str] = Counter()

    def count(self, shape: Collection[str], times: int) -> None:
        """Count the keys of as many documents, which may be rows."""
        _count(self._all, shape, times)

    def refuses(self, document: Collection[str]) -> bool:
        """Whether the document has a key that the contract does not allow."""
        return not self.contract.extra_columns and not self.expected.issuperset(document)

    def refused(self, documents: Sequence[dict[str, Any]]) -> set[int]:
        """Count the keys of documents; the places of those that are refused."""
        unknown = set()
        shapes = Counter(map(tuple, documents))
        for shape, times in shapes.items():
            _count(self._all, shape, times)
            if self.refuses(shape):
                _count(self._unknown, {*shape} - self.expected, times)
                unknown.add(shape)
        return {at for at, document in enumerate(documents) if tuple(document) in unknown} if unknown else set()

    def compare(self, rows: int, set_aside: int) -> tuple[str, ...]:
        """Drift of the whole file, of which ``rows`` lines were good: a key that is new in many lines, a required one
        that is in none."""
        total = rows + set_aside
        if not total:
            return ()
        many = [key for key, count in self._unknown.items() if count > max(self.contract.quarantine_limit * total, 0)]
        absent = {column.source_name for column in self.contract.columns if not self._all[column.source_name]}
        required = {column.source_name for column in self.contract.columns if column.required}
        some = any(self._all.values())
        if some and (many or absent & required):
            found = [name for name, count in self._all.items() if count and (name in self.expected or name in many)]
            compare_columns(self.contract, found, self.name, ordered=False)
        warnings = (
            [f"{self.name}: the key {name!r} is in no line and was read as null" for name in sorted(absent)]
            if some
            else []
        )
        left_out = sorted(self._all.keys() - self.expected) if self.contract.extra_columns else []
        warnings += [
            f"{self.name}: the key {shown_name(name)} is not in the contract and was left out"
            for name in left_out[:REPORTED]
        ]
        if len(left_out) > REPORTED:
            warnings.append(
                f"{self.name}: {len(left_out) - REPORTED} other keys are not in the contract and were left out"
            )
        return tuple(warnings)


def _count(counter: Counter[str], keys: Collection[str], times: int) -> None:
    """Count the keys; new ones only while there are not very many of them, as there are where keys are values."""
    more = len(counter) < MAX_KEYS
    for key in keys:
        if more or key in counter:
            counter[key] += times
