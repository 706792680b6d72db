"""Who has to act when a rule cannot be measured: whoever wrote it, the sender of its rows, or nobody by a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from platform_assets.contracts.model import AnnouncedCheck, BatchRule, Bounds, Metric, Reference
from platform_assets.failpoints import armed
from platform_assets.failures import Actor, Kind
from platform_assets.publishing.readers import ledger_history
from platform_assets.sql.dialects import Dialect
from platform_assets.warehouse.errors import WarehouseExhausted
from platform_assets.warehouse.protocol import Session, TableName, Warehouse
from tests.publishing.support import ASSET, Lake, copies_staged, load, session_class
from tests.support.announced import installed

ANY = Bounds(None, None)
GROUP = "platform_assets.checks"
CHECKS = """
def fails_always(session, relation, columns, arguments):
    raise TypeError("the check is wrong")


def fails_on_rows(session, relation, columns, arguments):
    return {row[0]: 1 / 0 for row in session.execute(f"SELECT DISTINCT _partition FROM {relation} AS r")}
"""


def test_a_reference_without_the_column_is_a_mistake_of_the_rule(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("s", "v1"), asset="ref", table=TableName("raw", "ref"))
    rule = BatchRule("known", Metric.UNREFERENCED_ROWS, ANY, columns=("id",), reference=Reference("ref", ("nowhere",)))
    (verdict,) = load(warehouse, lake.candidate("a", "v1"), rules=[rule])
    assert verdict.failure is not None
    assert (verdict.failure.kind, verdict.failure.actor) == (Kind.MISCONFIGURED, Actor.AUTHOR)
    assert ledger_history(warehouse, asset=ASSET)[0].failure == verdict.failure


def test_sql_that_the_warehouse_does_not_speak_is_a_mistake_of_the_rule(
    warehouse: Warehouse, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_class(warehouse), "dialect", Dialect.POSTGRES)
    rule = BatchRule("odd", Metric.SQL, ANY, query="SELECT count(*) FROM {table} WHERE (")
    verdicts = load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1"), rules=[rule])
    assert {verdict.failure.kind for verdict in verdicts if verdict.failure} == {Kind.MISCONFIGURED}


def test_a_relation_that_cannot_be_read_is_no_mistake_of_the_rule(warehouse: Warehouse, lake: Lake) -> None:
    """Its files were lost after they were counted."""
    candidate = lake.candidate("a", "v1")
    with armed("publish.staged", lambda: Path(candidate.files[0]).unlink(missing_ok=True)):
        (verdict,) = load(warehouse, candidate, rules=[BatchRule("mean", Metric.MEAN, ANY, columns=("x",))])
    read_once = copies_staged(warehouse)
    assert verdict.published == read_once
    assert read_once or (verdict.failure is not None and verdict.failure.kind is not Kind.MISCONFIGURED)


@pytest.mark.parametrize("statement", range(1, 6))
def test_an_infrastructure_error_while_a_rule_is_measured_is_no_verdict(
    warehouse: Warehouse, lake: Lake, monkeypatch: pytest.MonkeyPatch, statement: int
) -> None:
    """Whichever statement it comes in: the first, one that attributes an error, or one that tries it without rows."""
    kind = session_class(warehouse)
    real, seen = kind.execute, []

    def full(self: Session, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        if measuring:
            seen.append(sql)
            if len(seen) == statement:
                raise WarehouseExhausted("the disk is full")
        return real(self, sql, parameters)

    measuring: list[bool] = []
    rule = BatchRule("cast", Metric.SQL, ANY, query="SELECT sum(CAST(v AS INTEGER)) FROM {table}")
    monkeypatch.setattr(kind, "execute", full)
    with armed("publish.staged", lambda: measuring.append(True)), pytest.raises(WarehouseExhausted):
        load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1"), rules=[rule])
    measuring.clear()
    assert ledger_history(warehouse, asset=ASSET) == []


@pytest.mark.parametrize(
    ("entry", "kind", "message"),
    [
        ("other = odd_checks:fails_always", Kind.MISCONFIGURED, "no installed package announces the check 'odd'"),
        ("odd = odd_checks:removed", Kind.MISCONFIGURED, "the check 'odd' cannot be loaded (AttributeError)"),
        ("odd = removed_checks:odd", Kind.MISCONFIGURED, "the check 'odd' cannot be loaded (ModuleNotFoundError)"),
        ("odd = odd_checks:fails_always", Kind.MISCONFIGURED, "the check 'odd' failed (TypeError)"),
        ("odd = odd_checks:fails_on_rows", Kind.REJECTED, "the check 'odd' failed (ZeroDivisionError)"),
    ],
)
def test_a_check_of_another_package(
    warehouse: Warehouse, lake: Lake, tmp_path: Path, entry: str, kind: Kind, message: str
) -> None:
    """A contract was read while its package was there, and is audited after it has gone or changed."""
    rule = BatchRule("odd", Metric.ANNOUNCED, ANY, check=AnnouncedCheck("odd", "{}"))
    with installed(tmp_path / "site", "odd_checks", CHECKS, GROUP, entry):
        verdicts = load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1"), rules=[rule])
    for verdict in verdicts:
        assert verdict.failure is not None
        assert verdict.failure.kind is kind
        assert verdict.message == f"the rule could not be measured: {message}"


@pytest.mark.parametrize("error", ["MemoryError()", "OSError(24, 'Too many open files')"])
def test_a_check_that_meets_a_fault_of_the_machine_is_no_verdict(
    warehouse: Warehouse, lake: Lake, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    def check(*_: object) -> dict[str, float]:
        raise eval(error)

    monkeypatch.setattr("platform_assets.publishing.checks._loaded", lambda _: check)
    rule = BatchRule("odd", Metric.ANNOUNCED, ANY, check=AnnouncedCheck("odd", "{}"))
    with pytest.raises((MemoryError, OSError)):
        load(warehouse, lake.candidate("a", "v1"), rules=[rule])
    assert ledger_history(warehouse, asset=ASSET) == []


def test_a_check_that_takes_no_empty_relation_rejects_the_partition_it_fails_for_alone(
    warehouse: Warehouse, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(session: Session, relation: str, *_: object) -> dict[str, float]:
        found = [row[0] for row in session.execute(f"SELECT DISTINCT _partition FROM {relation} AS r")]
        assert found, "no partition"
        assert "b" not in found, "odd"
        return dict.fromkeys(found, 1.0)

    monkeypatch.setattr("platform_assets.publishing.checks._loaded", lambda _: check)
    rule = BatchRule("odd", Metric.ANNOUNCED, ANY, check=AnnouncedCheck("odd", "{}"))
    verdicts = load(warehouse, *(lake.candidate(name, "v1") for name in "abc"), rules=[rule])
    assert [verdict.published for verdict in verdicts] == [True, False, True]
    assert verdicts[1].failure is not None
    assert verdicts[1].failure.kind is Kind.REJECTED
