"""Publishing files: what becomes of candidates, of their neighbours, and of what was published before."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.contracts.severity import Severity
from platform_assets.failpoints import armed
from platform_assets.publishing.errors import PublishingError
from platform_assets.publishing.readers import ledger_history, published_versions, unreadable
from platform_assets.publishing.verdicts import Candidate, Content, State
from platform_assets.warehouse.errors import IncompatibleTable
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.support import ASSET, COLUMNS, NOT_EMPTY, TABLE, Lake, content, copies_staged, load, states

AT_MOST_FIVE = BatchRule("at_most_five", Metric.ROW_COUNT, Bounds(0, 5))


def test_many_partitions_are_published_in_one_go(warehouse: Warehouse, lake: Lake) -> None:
    verdicts = load(warehouse, *(lake.candidate(f"d{i:03}", "v1", files=2) for i in range(40)))
    assert states(verdicts) == ["published"] * 40
    assert content(warehouse) == {f"d{i:03}": ["v1"] * 3 for i in range(40)}
    assert [verdict.rows for verdict in verdicts] == [3] * 40
    assert {verdict.hash for verdict in verdicts} == {"v1"}


def test_a_rejected_candidate_is_alone_and_leaves_the_last_good_version(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, *(lake.candidate(p, "v1") for p in "abc"))
    verdicts = load(
        warehouse,
        lake.candidate("a", "v2"),
        lake.candidate("b", "v2", rows=9),
        lake.candidate("c", "v2"),
        lake.candidate("d", "v2", rows=9),
        rules=[AT_MOST_FIVE],
        run="second",
    )
    assert states(verdicts) == ["published", "rejected", "published", "rejected"]
    assert content(warehouse) == {"a": ["v2"] * 3, "b": ["v1"] * 3, "c": ["v2"] * 3}
    failed = verdicts[1].failed_check
    assert failed is not None
    assert (failed.name, failed.value, failed.bounds) == ("at_most_five", 9, "[0, 5]")
    newest = ledger_history(warehouse, asset=ASSET, partition="b")
    assert [(e.version, e.state, e.check, e.run_id) for e in newest] == [
        ("v2", State.REJECTED, "at_most_five", "second"),
        ("v1", State.PUBLISHED, "", "run"),
    ]
    assert published_versions(warehouse, asset=ASSET, partitions=["b", "d"])["b"].version == "v1"


def test_a_warning_is_reported_and_blocks_nothing(warehouse: Warehouse, lake: Lake) -> None:
    rule = replace(AT_MOST_FIVE, severity=Severity.WARNING)
    (verdict,) = load(warehouse, lake.candidate("a", "v1", rows=9), rules=[rule])
    assert verdict.published
    assert [(c.name, c.passed, c.blocks) for c in verdict.checks] == [("at_most_five", False, False)]
    assert ledger_history(warehouse, asset=ASSET)[0].checks == verdict.checks


@pytest.mark.slow
def test_the_same_version_again_reads_and_writes_nothing(
    warehouse: Warehouse, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> object:
        raise AssertionError("no file is to be staged")

    candidates = [lake.candidate(f"d{i:03}", "v1", rows=1) for i in range(365)]
    first = load(warehouse, *candidates)
    before = ledger_history(warehouse, asset=ASSET, limit=1000)
    monkeypatch.setattr("platform_assets.publishing.from_files._stage_files", refused)
    again = load(warehouse, *candidates, run="again")
    assert states(again) == ["unpublished"] * 365
    assert [v.hash for v in again] == [v.hash for v in first]
    assert ledger_history(warehouse, asset=ASSET, limit=1000) == before


def test_other_rules_or_columns_have_the_same_version_judged_again(warehouse: Warehouse, lake: Lake) -> None:
    candidate = lake.candidate("a", "v1", rows=9)
    assert states(load(warehouse, candidate)) == ["published"]
    assert states(load(warehouse, candidate, rules=[AT_MOST_FIVE], run="strict")) == ["rejected"]
    assert content(warehouse) == {"a": ["v1"] * 9}
    wider = [*COLUMNS, ("more", "DATE", "")]
    assert states(load(warehouse, candidate, columns=wider)) == ["published"]


def test_a_version_that_returns_after_a_rejected_one_has_the_last_word(warehouse: Warehouse, lake: Lake) -> None:
    good, bad = lake.candidate("a", "v1"), lake.candidate("a", "v2", rows=9)
    load(warehouse, good, rules=[AT_MOST_FIVE], run="1")
    load(warehouse, bad, rules=[AT_MOST_FIVE], run="2")
    assert "a" in unreadable(warehouse, asset=ASSET, partitions=["a"], run_id="2")
    assert states(load(warehouse, good, rules=[AT_MOST_FIVE], run="3")) == ["unpublished"]
    newest = ledger_history(warehouse, asset=ASSET)
    assert [(e.version, e.state.value) for e in newest] == [
        ("v1", "published"),
        ("v2", "rejected"),
        ("v1", "published"),
    ]
    assert newest[0].hash == newest[2].hash
    assert unreadable(warehouse, asset=ASSET, partitions=["a"], run_id="2", allow_previous=False) == {}


@pytest.mark.parametrize("state", ["empty", "not_due"])
def test_no_data_is_published_as_a_state_with_its_reason(warehouse: Warehouse, lake: Lake, state: str) -> None:
    load(warehouse, lake.candidate("a", "v1"))
    nothing = Candidate("a", "v2", state=state, reason="closed on Mondays")
    (verdict,) = load(warehouse, nothing, rules=[NOT_EMPTY])
    assert (verdict.published, verdict.rows, verdict.message) == (True, 0, "closed on Mondays")
    assert verdict.content == Content(state)
    assert content(warehouse) == {}
    assert unreadable(warehouse, asset=ASSET, partitions=["a"]) == {}
    assert states(load(warehouse, nothing)) == ["unpublished"]


@pytest.mark.parametrize("damage", ["missing", "truncated", "other rows", "other types"])
def test_files_that_are_not_what_the_manifest_says_reject_their_partition_alone(
    warehouse: Warehouse, lake: Lake, damage: str
) -> None:
    good = [lake.candidate(p, "v1") for p in ("a", "c")]
    bad = lake.candidate("b", "v1", files=2)
    path = Path(bad.files[1])
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:40])
    elif damage == "other rows":
        bad = replace(bad, rows=4)
    else:
        bad = lake.candidate("b", "v2", select="'no number' AS id, 'v2' AS v")
    verdicts = load(warehouse, good[0], bad, good[1])
    assert states(verdicts) == ["published", "rejected", "published"]
    assert verdicts[1].failed_check is not None
    assert verdicts[1].failed_check.name == "lake_files"
    assert f"in {path.parent} are damaged: remove that folder" in verdicts[1].message
    assert sorted(content(warehouse)) == ["a", "c"]


def test_a_column_that_the_contract_gains_is_added(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("a", "v1"))
    wider = [*COLUMNS, ("more", "DECIMAL(10,2)", "a new one")]
    select = "CAST(i AS BIGINT) AS id, 'v2' AS v, CAST(2.5 AS DECIMAL(10,2)) AS more"
    load(warehouse, lake.candidate("b", "v2", select=select), columns=wider)
    with warehouse.session(read_only=True) as session:
        found = session.execute("SELECT _partition, count(more), count(x) FROM raw.sales GROUP BY 1 ORDER BY 1")
    assert found == [("a", 0, 3), ("b", 3, 0)]


def test_a_type_that_changed_is_an_error_and_changes_nothing(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("a", "v1"))
    changed = [("id", "VARCHAR", ""), *COLUMNS[1:]]
    with pytest.raises(IncompatibleTable, match=r"raw\.sales: id is BIGINT there, VARCHAR is asked for"):
        load(warehouse, lake.candidate("a", "v2"), columns=changed)
    assert content(warehouse) == {"a": ["v1"] * 3}
    # and the lease was given back
    assert states(load(warehouse, lake.candidate("a", "v2"), wait_seconds=0)) == ["published"]


def test_two_candidates_for_one_partition_are_a_mistake(warehouse: Warehouse, lake: Lake) -> None:
    with pytest.raises(PublishingError, match="2 candidates for partition a"):
        load(warehouse, lake.candidate("a", "v1"), lake.candidate("a", "v2"))


def test_no_candidates_are_no_work(warehouse: Warehouse) -> None:
    assert load(warehouse) == []


def test_odd_partition_keys(warehouse: Warehouse, lake: Lake) -> None:
    keys = ["it's", 'a "b"', "2024-03-10-02:00", "ü|☃", "a%b_c", " ", "'; DROP TABLE raw.sales; --"]
    candidates = [replace(lake.candidate(f"k{i}", "v1"), partition=key) for i, key in enumerate(keys)]
    assert states(load(warehouse, *candidates)) == ["published"] * len(keys)
    assert sorted(content(warehouse)) == sorted(keys)
    assert unreadable(warehouse, asset=ASSET, partitions=keys) == {}


def test_files_replaced_while_they_are_published_publish_nothing(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("a", "v1"))
    candidate = lake.candidate("a", "v2")
    other = lake.candidate("other", "v2", rows=7)

    def swap() -> None:
        Path(candidate.files[0]).write_bytes(Path(other.files[0]).read_bytes())

    read_once = copies_staged(warehouse)
    refused = contextlib.nullcontext() if read_once else pytest.raises(PublishingError, match="7 rows arrived")
    with armed("publish.audited", swap), refused:
        load(warehouse, candidate)
    assert content(warehouse) == {"a": ["v2" if read_once else "v1"] * 3}


def test_the_table_carries_the_contract_s_descriptions(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("a", "v1"))
    with warehouse.session(read_only=True) as session:
        described = session.describe(TABLE)
    assert described is not None
    assert [(c.name, c.description) for c in described][:2] == [("id", "Key"), ("v", "Version of the content")]


@pytest.mark.slow
def test_a_damaged_page_is_the_trouble_of_its_partition(warehouse: Warehouse, lake: Lake) -> None:
    """Counting the rows does not read it: it shows when the rows of all are written."""
    select = "CAST(i AS BIGINT) AS id, md5(CAST(i AS VARCHAR)) AS v, CAST(i AS DOUBLE) AS x"
    candidates = [lake.candidate(p, "v1", rows=60_000, select=select) for p in "abc"]
    path = Path(candidates[1].files[0])
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = bytes(2_000)
    path.write_bytes(data)
    verdicts = load(warehouse, *candidates)
    assert states(verdicts) == ["published", "rejected", "published"]
    assert f"in {path.parent} are damaged: remove that folder" in verdicts[1].message
    assert {partition: len(rows) for partition, rows in content(warehouse).items()} == {"a": 60_000, "c": 60_000}
    assert states(load(warehouse, lake.candidate("b", "v2"), run="second")) == ["published"]


def test_a_damaged_file_of_a_version_that_is_published_is_nobody_s_trouble(warehouse: Warehouse, lake: Lake) -> None:
    """What is published already is not read again, alone or beside a damaged neighbour."""
    select = "CAST(i AS BIGINT) AS id, md5(CAST(i AS VARCHAR)) AS v, CAST(i AS DOUBLE) AS x"
    published, new = (lake.candidate(p, "v1", rows=60_000, select=select) for p in "ab")
    assert states(load(warehouse, published)) == ["published"]
    for candidate in (published, new):
        path = Path(candidate.files[0])
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 2_000] = bytes(2_000)
        path.write_bytes(data)
    assert states(load(warehouse, published, new, run="second")) == ["unpublished", "rejected"]
    assert states(load(warehouse, published, run="third")) == ["unpublished"]
