"""Checks of other packages: what a function that is announced by entry point measures on the rows of partitions.

A package announces a :class:`Check` under the name that contracts give as ``engine``. Whatever it raises but an error
of the warehouse is the failure of its rule, and its text, which may quote a row, is withheld.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from platform_assets.announced import CHECKS, announced
from platform_assets.contracts.model import BatchRule
from platform_assets.warehouse.errors import StatementFailed, WarehouseError
from platform_assets.warehouse.protocol import Session


class Check(Protocol):
    """Measures the rows of partitions, before they are published."""

    def __call__(
        self, session: Session, relation: str, columns: Sequence[str], arguments: Mapping[str, Any]
    ) -> Mapping[str, float | None]:
        """A value for each partition, which is then held against the rule's bounds; none where it has no value.

        ``relation`` stands behind FROM, with an alias; it has the columns of the contract and ``_partition``. Nothing
        is written by a check.
        """
        ...


def measured_by(rule: BatchRule, session: Session, relation: str) -> list[tuple[str, float | None]]:
    """The values that the rule's check gives. Raises ``StatementFailed`` if it cannot be measured."""
    assert rule.check is not None
    name = rule.check.name
    try:
        check = cast(Check, announced(CHECKS)[name].load())
        found = check(session, relation, rule.columns, json.loads(rule.check.arguments))
        return [(str(key), None if value is None else float(value)) for key, value in dict(found).items()]
    except WarehouseError:
        raise
    except Exception as error:
        raise StatementFailed(f"the check {name!r} failed ({type(error).__name__})") from error
