"""Which classifications a column has by its contract, as far as its value is in clear in the warehouse."""

from __future__ import annotations

from platform_assets.access.model import UNNAMED
from platform_assets.contracts.model import Column, Contract, Protection
from platform_assets.contracts.personal import is_personal_tag
from platform_assets.warehouse.protocol import PARTITION

PERSONAL_WORD = "personal"
_PROTECTED = (Protection.HASH, Protection.MASK, Protection.DROP)


def labels_of(column: Column) -> frozenset[str]:
    """Lower-case words; none for a column that is hashed or masked before it is written.

    A tag such as `pii:email` stands for `personal`.
    """
    if column.protection in _PROTECTED:
        return frozenset()
    words = {word.lower() for word in (column.classification, *column.classified_inside) if word}
    if any(is_personal_tag(tag) for tag in column.tags):
        words.add(PERSONAL_WORD)
    return frozenset(words)


def contract_labels(contract: Contract) -> dict[str, frozenset[str]]:
    """The labels of each column of the raw table that has any, by its name in lower case."""
    return {column.name.lower(): labels for column in contract.columns if (labels := labels_of(column))}


def table_labels(contract: Contract, column: str) -> frozenset[str]:
    """The labels of a column of the contract's table; one that the contract does not name is ``UNNAMED``."""
    if column == PARTITION:
        return frozenset()
    known = {each.name.lower(): labels_of(each) for each in contract.columns}
    return known.get(column.lower(), frozenset({UNNAMED}))


def words_of(contracts: list[Contract]) -> set[str]:
    """All classifications of columns that are in clear."""
    return {word for contract in contracts for labels in contract_labels(contract).values() for word in labels}
