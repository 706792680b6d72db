"""Publishing against a model of it: writers, readers, crashes at every step, expired leases, errors after a commit.

The model is what a reader may ever see: for each partition the version that is published, and its newest verdict.
The real warehouse is asked after every step.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from platform_assets.contracts.model import BatchRule, Bounds, Metric
from platform_assets.failpoints import armed
from platform_assets.publishing.errors import LeaseHeld, LeaseLost
from platform_assets.publishing.leases import acquire, release
from platform_assets.publishing.migrations import migrate
from platform_assets.publishing.readers import ledger_history, unreadable
from platform_assets.publishing.verdicts import Candidate
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.support import ASSET, Lake, content, load, unknown_here
from tests.publishing.test_leases import AFTER_COMMIT, BEFORE_COMMIT, Crash, crash
from tests.support.campaigns import times
from tests.support.engines import warehouse_at
from tests.support.postgres import clear

PARTITIONS = ("a", "b", "c")
VERSIONS = ("v1", "v2", "v3", "bad", "empty")
RULES = [BatchRule("not_nine", Metric.ROW_COUNT, Bounds(9, 9, negated=True))]
ROWS = {"v1": 1, "v2": 2, "v3": 3, "bad": 9}
ELSEWHERE = "another machine/1/1/abc"

batches = st.dictionaries(st.sampled_from(PARTITIONS), st.sampled_from(VERSIONS), min_size=1)
failures = st.sampled_from(BEFORE_COMMIT + AFTER_COMMIT)


class Publishing(RuleBasedStateMachine):
    def empty_warehouse(self) -> Warehouse:
        return warehouse_at(str(self.folder / "w.duckdb"))

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.warehouse = self.empty_warehouse()
        self.lake = Lake(self.folder)
        self.published: dict[str, str] = {}
        self.newest: dict[str, tuple[str, str]] = {}
        self.leased: set[str] = set()
        self.runs = 0

    def candidates(self, batch: dict[str, str]) -> list[Candidate]:
        return [
            Candidate(partition, version, state="empty", reason="nothing happened")
            if version == "empty"
            else self.lake.candidate(partition, version, rows=ROWS[version])
            for partition, version in batch.items()
        ]

    def run(self, batch: dict[str, str], **how: Any) -> list[str]:
        self.runs += 1
        how = {"wait_seconds": 0, "lease_seconds": 3600, **how}
        verdicts = load(self.warehouse, *self.candidates(batch), rules=RULES, run=f"run{self.runs}", **how)
        return ["unchanged" if v.unchanged else v.state.value for v in verdicts]

    def expected(self, batch: dict[str, str]) -> list[str]:
        return [
            "rejected" if version == "bad" else "unchanged" if self.published.get(p) == version else "published"
            for p, version in batch.items()
        ]

    def needs_lease(self, batch: dict[str, str]) -> set[str]:
        return {
            p
            for p, version in batch.items()
            if not (self.published.get(p) == version and self.newest[p][0] == "published")
        }

    def committed(self, batch: dict[str, str]) -> None:
        for partition, version in batch.items():
            if version == "bad":
                self.newest[partition] = ("rejected", f"run{self.runs}")
            else:
                self.published[partition] = version
                self.newest[partition] = ("published", "")

    @rule(batch=batches)
    def write(self, batch: dict[str, str]) -> None:
        if self.needs_lease(batch) & self.leased:
            with pytest.raises(LeaseHeld, match="run elsewhere is writing it"):
                self.run(batch)
            return
        expected = self.expected(batch)
        assert self.run(batch) == expected
        self.committed(batch)

    @rule(batch=batches, where=failures)
    def crash_while_writing(self, batch: dict[str, str], where: str) -> None:
        if self.needs_lease(batch) & self.leased or not self.needs_lease(batch):
            return
        with armed(where, crash):
            try:
                self.run(batch)
            except Crash:
                if where in AFTER_COMMIT:
                    self.committed(batch)
                return
        # a failpoint that this batch does not pass: nothing to delete or insert
        assert where in ("publish.deleted", "publish.inserted")
        self.committed(batch)

    @rule(batch=batches)
    def commit_then_report_an_error(self, batch: dict[str, str]) -> None:
        if self.needs_lease(batch) & self.leased or not self.needs_lease(batch):
            return

        def lost() -> None:
            raise WarehouseError("connection lost after the commit")

        with armed("publish.committed", lost), pytest.raises(WarehouseError, match="connection lost"):
            self.run(batch)
        self.committed(batch)

    @rule(partition=st.sampled_from(PARTITIONS))
    def somebody_elsewhere_takes_a_lease(self, partition: str) -> None:
        if partition not in self.leased:
            self.take(partition)

    def take(self, partition: str) -> None:
        with self.warehouse.session() as session:
            migrate(session)
            with unknown_here(), session.transaction():
                key = (ASSET, partition)
                acquire(session, [key], owner=f"{ELSEWHERE}{partition}", run_id="elsewhere", seconds=3600)
        self.leased.add(partition)

    @rule(partition=st.sampled_from(PARTITIONS), expires=st.booleans())
    def a_lease_elsewhere_ends(self, partition: str, expires: bool) -> None:
        if partition in self.leased:
            with self.warehouse.session() as session:
                if expires:
                    session.execute(
                        "UPDATE platform.leases SET expires_at = TIMESTAMP '2000-01-01' WHERE partition_key = ?",
                        [partition],
                    )
                else:
                    release(session, f"{ELSEWHERE}{partition}")
            self.leased.discard(partition)

    @rule(batch=batches)
    def a_slow_writer_is_overtaken(self, batch: dict[str, str]) -> None:
        """Its lease has no length; between lease and transaction another takes one of its partitions over."""
        needed = self.needs_lease(batch)
        if not needed or needed & self.leased:
            return
        victim = min(needed)
        overtaken = pytest.raises(LeaseLost, match="run elsewhere took it over")
        with armed("publish.leased", lambda: self.take(victim)), overtaken:
            self.run(batch, lease_seconds=-1)

    @invariant()
    def readers_see_the_published_versions_and_nothing_else(self) -> None:
        if not hasattr(self, "warehouse"):
            return
        rows = {p: [v] * ROWS[v] for p, v in self.published.items() if v != "empty"}
        assert content(self.warehouse) == rows
        last = f"run{self.runs}"
        keeps_last_good = unreadable(self.warehouse, asset=ASSET, partitions=PARTITIONS)
        assert set(keeps_last_good) == set(PARTITIONS) - set(self.published)
        newest_counts = unreadable(self.warehouse, asset=ASSET, partitions=PARTITIONS, allow_previous=False)
        good = {p for p, (state, _) in self.newest.items() if state == "published"}
        assert set(newest_counts) == set(PARTITIONS) - good
        own = unreadable(self.warehouse, asset=ASSET, partitions=PARTITIONS, run_id=last)
        rejected_now = {p for p, verdict in self.newest.items() if verdict == ("rejected", last)}
        assert set(own) == set(PARTITIONS) - set(self.published) | rejected_now
        for partition in rejected_now:
            assert (own[partition].check, own[partition].run_id) == ("not_nine", last)

    @invariant()
    def tokens_order_the_ledger(self) -> None:
        if not hasattr(self, "warehouse"):
            return
        for partition in PARTITIONS:
            tokens = [e.token for e in ledger_history(self.warehouse, asset=ASSET, partition=partition)]
            assert tokens == sorted(set(tokens), reverse=True)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


class PublishingOnPostgres(Publishing):
    server: ClassVar[str] = ""

    def empty_warehouse(self) -> Warehouse:
        clear(self.server)
        return warehouse_at(self.server)


@pytest.fixture(scope="module")
def _server(postgres_server: str) -> Iterator[None]:
    PublishingOnPostgres.server = postgres_server
    yield
    clear(postgres_server)


TestPublishing = Publishing.TestCase
TestPublishing.settings = settings(
    max_examples=times(2),
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


TestPublishingOnPostgres = pytest.mark.usefixtures("_server")(PublishingOnPostgres.TestCase)
TestPublishingOnPostgres.settings = TestPublishing.settings
