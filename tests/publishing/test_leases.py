"""One writer per partition: leases, takeover, fencing, and what a crash leaves behind."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from platform_assets.failpoints import armed
from platform_assets.machine import machine
from platform_assets.publishing.errors import LeaseHeld, LeaseLost
from platform_assets.publishing.leases import Lease, NotFree, acquire, release, renew
from platform_assets.publishing.ledger import LEASES
from platform_assets.publishing.migrations import migrate
from platform_assets.publishing.owners import is_alive
from platform_assets.publishing.readers import ledger_history
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.support import (
    AFTER_COMMIT,
    ASSET,
    BEFORE_COMMIT,
    Lake,
    content,
    load,
    states,
    unknown_here,
)
from tests.support.waiting import watched_waits

WRITER_WAITS = (" waits: ", "platform_assets.publishing.taking")
"""What a writer logs when it begins to wait for a lease, and where."""

ELSEWHERE = "another machine/1/1/abc"
DEAD = f"{machine()}/{2**22 + 1}/1/abc"
"""A lease owner of this machine, with the id of a process that cannot be."""


def hold(warehouse: Warehouse, owner: str, *partitions: str, seconds: float = 60, run: str = "owner") -> Lease:
    with warehouse.session() as session:
        migrate(session)
        with session.transaction():
            keys = [(ASSET, partition) for partition in partitions]
            return acquire(session, keys, owner=owner, run_id=run, seconds=seconds)


def expire(warehouse: Warehouse) -> None:
    with warehouse.session() as session:
        session.execute("UPDATE platform.leases SET expires_at = TIMESTAMP '2000-01-01'")


def test_a_lease_is_taken_for_all_partitions_or_for_none(warehouse: Warehouse) -> None:
    hold(warehouse, ELSEWHERE, "b")
    with warehouse.session() as session:
        keys = [(ASSET, p) for p in "abc"]
        with pytest.raises(NotFree) as refused, session.transaction():
            acquire(session, keys, owner="other/1/1/x", run_id="r", seconds=60)
        assert [(busy.partition, busy.run_id) for busy in refused.value.busy] == [("b", "owner")]
        held = session.execute(f"SELECT partition_key FROM {LEASES} WHERE holder IS NOT NULL")
    assert held == [("b",)]


def test_tokens_only_grow(warehouse: Warehouse) -> None:
    for expected in (1, 2, 3):
        lease = hold(warehouse, ELSEWHERE, "a", "b")
        assert set(lease.tokens.values()) == {expected}
        with warehouse.session() as session:
            release(session, ELSEWHERE)
    assert hold(warehouse, ELSEWHERE, "c").tokens == {(ASSET, "c"): 1}


def test_an_expired_lease_is_taken_over_and_its_owner_is_fenced(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    first = hold(warehouse, ELSEWHERE, "a", "b", run="slow")
    expire(warehouse)
    second = hold(warehouse, "other/1/1/x", "a", run="quick")
    assert "took over leases of run slow, which were not renewed in time" in caplog.text
    with warehouse.session() as session:
        with session.transaction():
            renew(session, second)
        with pytest.raises(LeaseLost, match=r"partition a: the lease of run slow expired and run quick .*1 of 2"):
            renew(session, first)


def test_an_expired_lease_that_nobody_took_over_is_still_good(warehouse: Warehouse) -> None:
    lease = hold(warehouse, ELSEWHERE, "a")
    expire(warehouse)
    with warehouse.session() as session:
        renew(session, lease)
        with pytest.raises(NotFree), session.transaction():
            acquire(session, [(ASSET, "a")], owner="other/1/1/x", run_id="r", seconds=60)


def test_a_writer_waits_for_another_up_to_its_limit(warehouse: Warehouse, lake: Lake) -> None:
    hold(warehouse, ELSEWHERE, "a")
    with pytest.raises(LeaseHeld, match=rf"{ASSET}, partition a: run owner is writing it .*Run run waited 0\.3 s"):
        load(warehouse, lake.candidate("a", "v1"), wait_seconds=0.3)
    assert content(warehouse) == {}
    with watched_waits(*WRITER_WAITS) as waits:
        freeing = threading.Thread(target=lambda: waits.one() and hold_free(warehouse))
        freeing.start()
        assert states(load(warehouse, lake.candidate("a", "v1"))) == ["published"]
        freeing.join()


def hold_free(warehouse: Warehouse) -> None:
    with warehouse.session() as session:
        release(session, ELSEWHERE)


def test_a_dead_process_is_taken_over_at_once(
    warehouse: Warehouse, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    code = "from platform_assets.publishing.processes import new_owner; print(new_owner())"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    dead = done.stdout.strip()
    assert is_alive(dead) is False
    hold(warehouse, dead, "a", seconds=3600)
    assert states(load(warehouse, lake.candidate("a", "v1"), wait_seconds=0)) == ["published"]
    assert f"took over the leases of run owner: its process is dead (lease owner {dead})" in caplog.text


def test_a_run_of_any_partition_clears_what_the_dead_left(warehouse: Warehouse, lake: Lake) -> None:
    """Leases of processes that are certainly gone; what is staged lives in the session and dies with it."""
    hold(warehouse, DEAD, "a", "b", seconds=3600)
    hold(warehouse, ELSEWHERE, "c")
    with armed("publish.audited", crash), pytest.raises(Crash):
        load(warehouse, lake.candidate("d", "v1"))
    assert states(load(warehouse, lake.candidate("e", "v1"), run="other")) == ["published"]
    with warehouse.session(read_only=True) as session:
        held = session.execute("SELECT partition_key, holder FROM platform.leases WHERE holder IS NOT NULL")
        tables = session.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema IN ('platform', 'raw', 'platform_staging') OR table_name LIKE 'PLATFORM%' ORDER BY 1, 2"
        )
    assert held == [("c", ELSEWHERE)]
    own = [("platform", name) for name in ("access", "leases", "ledger", "migrations", "tables")]
    assert tables == [*own, ("raw", "sales")]


def test_a_writer_whose_lease_was_taken_over_publishes_nothing(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, lake.candidate("a", "v0"))

    def overtake() -> None:
        expire(warehouse)
        with unknown_here():
            hold(warehouse, ELSEWHERE, "a", run="overtaker")

    with armed("publish.leased", overtake), pytest.raises(LeaseLost, match="run overtaker took it over"):
        load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1"))
    assert content(warehouse) == {"a": ["v0"] * 3}
    # the fenced writer did not give back what is not its own
    with warehouse.session() as session:
        held = session.execute("SELECT partition_key, holder FROM platform.leases WHERE holder IS NOT NULL")
    assert held == [("a", ELSEWHERE)]


class Crash(BaseException):
    """The process ends here, as far as the code under test can tell."""


def crash() -> None:
    raise Crash


@pytest.mark.slow
@pytest.mark.parametrize("name", BEFORE_COMMIT + AFTER_COMMIT)
def test_a_crash_leaves_old_or_new_and_the_next_run_succeeds(warehouse: Warehouse, lake: Lake, name: str) -> None:
    load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1"))
    new = [lake.candidate("a", "v2"), lake.candidate("b", "v2")]
    with armed(name, crash), pytest.raises(Crash):
        load(warehouse, *new, run="crashed")
    expected = "v2" if name in AFTER_COMMIT else "v1"
    assert content(warehouse) == {p: [expected] * 3 for p in "ab"}
    again = load(warehouse, *new, run="next", wait_seconds=0)
    assert states(again) == (["unpublished"] if name in AFTER_COMMIT else ["published"]) * 2
    assert content(warehouse) == {p: ["v2"] * 3 for p in "ab"}
    assert len(ledger_history(warehouse, asset=ASSET)) == 4


def test_a_commit_that_worked_and_then_reported_an_error(warehouse: Warehouse, lake: Lake) -> None:
    def connection_lost() -> None:
        raise WarehouseError("the connection was lost after the commit")

    with armed("publish.committed", connection_lost), pytest.raises(WarehouseError):
        load(warehouse, lake.candidate("a", "v1"), run="first")
    (verdict,) = load(warehouse, lake.candidate("a", "v1"), run="second", wait_seconds=0)
    assert verdict.unchanged
    assert verdict.run_id == "first"
    assert content(warehouse) == {"a": ["v1"] * 3}


def test_two_threads_and_one_partition(warehouse: Warehouse, lake: Lake) -> None:
    """Both get their lease in turn; the first stops while it holds it, with the warehouse free for others."""
    reached, resume = threading.Event(), threading.Event()

    def stop() -> None:
        if threading.current_thread().name == "first":
            reached.set()
            resume.wait(120)

    outcome: dict[str, list[str]] = {}

    def run(version: str) -> None:
        outcome[version] = states(load(warehouse, lake.candidate("a", version), run=version))

    with armed("publish.leased", stop):
        first = threading.Thread(target=run, args=("v1",), name="first")
        first.start()
        assert reached.wait(120)
        second = threading.Thread(target=run, args=("v2",))
        with watched_waits(*WRITER_WAITS) as waits:
            second.start()
            assert "run v2 waits" in waits.one()
        assert content(warehouse) == {}
        resume.set()
        first.join()
        second.join()
    assert outcome == {"v1": ["published"], "v2": ["published"]}
    assert content(warehouse) == {"a": ["v2"] * 3}
    assert [entry.token for entry in ledger_history(warehouse, asset=ASSET)] == [2, 1]
