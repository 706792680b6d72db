"""Tables that dbt overwrites in place: closed before it starts, opened by a verdict; and copying them out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from platform_assets.failpoints import armed
from platform_assets.publishing.errors import LeaseHeld, LeaseLost, NotPublished
from platform_assets.publishing.in_place import BuiltModel, open_candidates, record_verdicts
from platform_assets.publishing.readers import ledger_history, require_published, unreadable
from platform_assets.publishing.verdicts import Content, State
from platform_assets.warehouse.protocol import TableName, Warehouse
from tests.publishing.marts import DAYS, HELD, MART, TABLE, build, copy, materialize, versions
from tests.publishing.support import states, unknown_here


def test_pending_is_closed_until_a_verdict_opens_it(warehouse: Warehouse) -> None:
    with open_candidates(warehouse, partitions={MART: DAYS}, run_id="r1") as opened:
        build(warehouse, "v1")
        refused = unreadable(warehouse, asset=MART, partitions=DAYS, allow_previous=False)
        assert sorted(refused) == DAYS
        assert "no verdict yet" in refused[DAYS[0]].message
        verdicts = record_verdicts(warehouse, opened, {MART: BuiltModel(TABLE, "day", {DAYS[1]: [HELD]})})
    assert states(verdicts) == ["published", "rejected", "published"]
    assert [verdict.rows for verdict in verdicts] == [2, 2, 2]
    assert list(unreadable(warehouse, asset=MART, partitions=DAYS, allow_previous=False)) == [DAYS[1]]


def test_an_error_names_asset_partition_check_and_run(warehouse: Warehouse) -> None:
    materialize(warehouse, "v1", held=[DAYS[1]], run="run-17")
    with pytest.raises(NotPublished) as refused:
        require_published(warehouse, asset=MART, partitions=[*DAYS, "2024-02-01"], allow_previous=False)
    text = str(refused.value)
    assert f"{MART}, partition {DAYS[1]}: check not_null_x failed in run run-17: 2 rows without x" in text
    assert f"{MART}, partition 2024-02-01: it was never published" in text
    assert DAYS[0] not in text
    require_published(warehouse, asset=MART, partitions=[DAYS[0]], allow_previous=False)


def test_a_process_that_dies_leaves_pending_and_the_next_run_succeeds(warehouse: Warehouse) -> None:
    materialize(warehouse, "v1")

    class Crash(BaseException):
        pass

    def crash() -> None:
        raise Crash

    for name in ("publish.in_place.audited", "publish.in_place.before_commit"):
        with armed(name, crash), pytest.raises(Crash):  # noqa: SIM117
            with open_candidates(warehouse, partitions={MART: DAYS}, run_id="dies", wait_seconds=0) as opened:
                record_verdicts(warehouse, opened, {MART: BuiltModel(TABLE, "day")})
        # what is in the table now was overwritten in place: an older verdict says nothing about it
        assert sorted(unreadable(warehouse, asset=MART, partitions=DAYS, allow_previous=False)) == DAYS
    assert states(materialize(warehouse, "v2")) == ["published"] * 3
    assert unreadable(warehouse, asset=MART, partitions=DAYS, allow_previous=False) == {}


def test_a_model_that_was_not_built_is_rejected_with_the_reason(warehouse: Warehouse) -> None:
    with open_candidates(warehouse, partitions={MART: DAYS, "marts/other": ["snapshot"]}, run_id="r") as opened:
        build(warehouse, "v1")
        built = {MART: BuiltModel(TABLE, "day")}
        verdicts = record_verdicts(warehouse, opened, built, reason="dbt: Compilation Error in model other")
    assert states(verdicts) == ["published"] * 3 + ["rejected"]
    assert verdicts[3].message == "dbt: Compilation Error in model other"


@pytest.mark.parametrize("model", [BuiltModel(TableName("marts", "nowhere"), "day"), BuiltModel(TABLE, "no_column")])
def test_a_table_that_cannot_be_measured_is_rejected(warehouse: Warehouse, model: BuiltModel) -> None:
    with open_candidates(warehouse, partitions={MART: DAYS}, run_id="r") as opened:
        build(warehouse, "v1")
        assert states(record_verdicts(warehouse, opened, {MART: model})) == ["rejected"] * 3


def test_a_table_without_partitions(warehouse: Warehouse) -> None:
    with open_candidates(warehouse, partitions={MART: ["snapshot"]}, run_id="r") as opened:
        build(warehouse, "v1")
        (verdict,) = record_verdicts(warehouse, opened, {MART: BuiltModel(TABLE, None)})
    assert (verdict.partition, verdict.rows, verdict.published) == ("snapshot", 6, True)


def test_hashes_follow_the_rows(warehouse: Warehouse) -> None:
    first = materialize(warehouse, "v1")
    again = materialize(warehouse, "v1", run="again")
    changed = materialize(warehouse, "v2", days=DAYS[:1])
    assert [v.hash for v in first] == [v.hash for v in again]
    assert changed[0].hash != first[0].hash
    emptied = materialize(warehouse, "v1", days=DAYS[:1], rows=0)
    assert (emptied[0].rows, emptied[0].content, emptied[0].published) == (0, Content.EMPTY, True)


@pytest.mark.slow
def test_two_runs_on_one_model_wait_and_the_overtaken_one_is_fenced(warehouse: Warehouse) -> None:
    def overtaken() -> None:
        with open_candidates(warehouse, partitions={MART: DAYS[:2]}, run_id="slow") as slow:
            with ThreadPoolExecutor(1) as another, pytest.raises(LeaseHeld, match="run slow is writing it"):
                another.submit(waiting, warehouse, 0.2).result()
            with warehouse.session() as session:
                session.execute("UPDATE platform.leases SET expires_at = TIMESTAMP '2000-01-01'")
            with unknown_here():
                materialize(warehouse, "v2", run="quick")
            record_verdicts(warehouse, slow, {MART: BuiltModel(TABLE, "day", {DAYS[0]: [HELD]})})

    with pytest.raises(LeaseLost, match="run quick took it over"):
        overtaken()
    assert unreadable(warehouse, asset=MART, partitions=DAYS, allow_previous=False) == {}


def waiting(warehouse: Warehouse, seconds: float) -> None:
    with open_candidates(warehouse, partitions={MART: DAYS}, run_id="quick", wait_seconds=seconds):
        raise AssertionError("this run must not get the lease")


def test_a_thread_never_waits_for_itself(warehouse: Warehouse) -> None:
    with (
        open_candidates(warehouse, partitions={MART: DAYS}, run_id="outer"),
        pytest.raises(LeaseHeld, match=rf"{MART}, partition {DAYS[0]}.*: run outer .*cannot wait for itself"),
    ):
        waiting(warehouse, 3600)


class Fault(Exception):
    """What goes wrong between the lease and the verdict."""


@pytest.mark.slow
def test_a_fault_leaves_pending_and_gives_the_lease_back(warehouse: Warehouse) -> None:
    materialize(warehouse, "v1")
    for _ in range(2):
        with (
            pytest.raises(Fault),
            open_candidates(warehouse, partitions={MART: DAYS}, run_id="faulty", wait_seconds=0),
        ):
            raise Fault
        states_now = [entry.state for entry in ledger_history(warehouse, asset=MART, limit=3)]
        assert states_now == [State.PENDING] * 3
        assert sorted(unreadable(warehouse, asset=MART, partitions=DAYS, allow_previous=False)) == DAYS
    assert states(materialize(warehouse, "v2")) == ["published"] * 3


@pytest.mark.slow
def test_tested_partitions_are_copied_and_held_ones_are_not(warehouse: Warehouse) -> None:
    materialize(warehouse, "v1")
    assert states(copy(warehouse)) == ["published"] * 3
    materialize(warehouse, "v2", held=[DAYS[1]])
    verdicts = copy(warehouse)
    assert states(verdicts) == ["published", "rejected", "published"]
    assert "check not_null_x failed" in verdicts[1].message
    assert versions(warehouse) == {DAYS[0]: "v2", DAYS[1]: "v1", DAYS[2]: "v2"}
    # the last good version stays readable to all but the run that was refused
    assert unreadable(warehouse, asset="published/daily", partitions=DAYS) == {}
    assert list(unreadable(warehouse, asset="published/daily", partitions=DAYS, run_id="copy")) == [DAYS[1]]


def test_copying_again_writes_nothing(warehouse: Warehouse) -> None:
    materialize(warehouse, "v1")
    copy(warehouse)
    before = ledger_history(warehouse, asset="published/daily")
    materialize(warehouse, "v1", run="same rows again")
    assert states(copy(warehouse)) == ["unpublished"] * 3
    assert ledger_history(warehouse, asset="published/daily") == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE marts.daily SET i = i + 1 WHERE day = '2024-01-02'",
        "DELETE FROM marts.daily WHERE day = '2024-01-02'",
        "INSERT INTO marts.daily SELECT * FROM marts.daily WHERE day = '2024-01-02'",
    ],
)
def test_rows_that_changed_since_they_were_tested_are_not_copied(warehouse: Warehouse, change: str) -> None:
    materialize(warehouse, "v1")
    with warehouse.session() as session:
        session.execute(change)
    verdicts = copy(warehouse)
    assert states(verdicts) == ["published", "rejected", "published"]
    assert "changed since its tests ran" in verdicts[1].message
    assert verdicts[1].failed_check is not None
    assert verdicts[1].failed_check.name == "source_unchanged"
    assert sorted(versions(warehouse)) == [DAYS[0], DAYS[2]]


def test_an_emptied_partition_is_emptied_in_the_copy(warehouse: Warehouse) -> None:
    materialize(warehouse, "v1")
    copy(warehouse)
    materialize(warehouse, "v2", days=DAYS[:1], rows=0)
    (verdict,) = copy(warehouse, days=DAYS[:1])
    assert (verdict.state, verdict.rows, verdict.content) == (State.PUBLISHED, 0, Content.EMPTY)
    assert sorted(versions(warehouse)) == DAYS[1:]


def test_nothing_was_ever_published(warehouse: Warehouse) -> None:
    assert sorted(unreadable(warehouse, asset="raw/none", partitions=["a", "b"])) == ["a", "b"]
    assert ledger_history(warehouse, asset="raw/none") == []


@pytest.mark.slow
def test_a_source_that_is_written_again_while_its_copy_waits_is_not_published_under_the_old_verdict(
    warehouse: Warehouse,
) -> None:
    materialize(warehouse, "v1")
    with armed("publish.leased", lambda: materialize(warehouse, "v2", DAYS[:1]) and None):
        verdicts = copy(warehouse)
    assert states(verdicts) == ["rejected", "published", "published"]
    assert verdicts[0].check == "source_published"
    assert "written again" in verdicts[0].message
    assert all(verdict.published for verdict in copy(warehouse))
    assert versions(warehouse) == {DAYS[0]: "v2", DAYS[1]: "v1", DAYS[2]: "v1"}
