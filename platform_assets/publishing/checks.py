"""Checks of other packages: what a function that is announced by entry point measures on the rows of partitions.

A package announces a :class:`Check` under the name that contracts give as ``engine``. Whatever it raises but an error
of the warehouse is the failure of its rule, and its text, which may quote a row, is withheld. A check that is not there
is a rule that nothing can be measured by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from platform_assets.announced import CHECKS, announced
from platform_assets.contracts.model import BatchRule
from platform_assets.failures import failure_of
from platform_assets.publishing.errors import RuleUnusable
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
    """The values that the rule's check gives.

    Raises ``RuleUnusable`` if no installed package has it, or it cannot be loaded, and ``StatementFailed`` if it fails.
    """
    assert rule.check is not None
    name = rule.check.name
    check = _loaded(name)
    try:
        found = check(session, relation, rule.columns, json.loads(rule.check.arguments))
        return [(str(key), None if value is None else float(value)) for key, value in dict(found).items()]
    except WarehouseError:
        raise
    except Exception as error:
        if failure_of(error).retryable:
            raise  # a full memory or no file descriptor says nothing about the rows
        raise StatementFailed(f"the check {name!r} failed ({type(error).__name__})") from error


def _loaded(name: str) -> Check:
    entry = announced(CHECKS).get(name)
    if entry is None:
        raise RuleUnusable(f"no installed package announces the check {name!r}")
    try:
        return cast(Check, entry.load())
    except Exception as error:
        if failure_of(error).retryable:
            raise
        raise RuleUnusable(f"the check {name!r} cannot be loaded ({type(error).__name__})") from error
