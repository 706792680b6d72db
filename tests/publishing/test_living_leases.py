"""Leases of real processes: the living keep theirs however long they work, the dead lose theirs at once."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from platform_assets.publishing.leases import LEASE_SECONDS
from platform_assets.publishing.readers import ledger_history
from platform_assets.publishing.verdicts import State
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.marts import MART
from tests.publishing.support import ASSET, Lake
from tests.support.engines import location_of

RATIO = 10
"""How many leases long the work lasts."""


@dataclass(frozen=True)
class Workers:
    """Starts writers of one kind on one warehouse."""

    kind: str
    warehouse: Warehouse
    lake: Lake

    def start(self, version: str, *, lease: float, work: float, where: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.publishing.worker", self.kind, location_of(self.warehouse)]
        command += [str(self.lake.folder), version, str(lease), str(work), where]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def tokens(self) -> list[tuple[str, int]]:
        """Run and token of what was published of one partition, in order."""
        asset = ASSET if self.kind == "files" else MART
        lines = ledger_history(self.warehouse, asset=asset)
        first = min(line.partition for line in lines)
        return [
            (line.run_id, line.token)
            for line in reversed(lines)
            if line.partition == first and line.state is State.PUBLISHED
        ]


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


SECONDS = [0.3, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("lease", SECONDS)
@pytest.mark.parametrize(
    "kind",
    ["files", "in_place", "reserved"],
)
def test_a_living_owner_keeps_its_lease_however_long_it_works(
    warehouse: Warehouse, lake: Lake, kind: str, lease: float
) -> None:
    workers = Workers(kind, warehouse, lake)
    first = workers.start("first", lease=lease, work=RATIO * lease)
    assert said(first) == "leased"
    second = workers.start("second", lease=lease, work=0)
    assert first.communicate()[0].split() == ["published"]
    assert second.communicate()[0].split() == ["leased", "published"]
    assert workers.tokens() == [("first", 1), ("second", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["files", "in_place"])
def test_a_heartbeat_keeps_the_lease_from_who_knows_nothing_of_the_owner(
    warehouse: Warehouse, lake: Lake, kind: str
) -> None:
    """As between two machines: only the renewed expiry shows the second writer that the first one lives."""
    workers = Workers(kind, warehouse, lake)
    # beats come three times a lease, and a loaded machine may keep a thread from running for a while
    first = workers.start("first", lease=9, work=12)
    assert said(first) == "leased"
    second = workers.start("second", lease=9, work=0, where="elsewhere")
    assert first.communicate()[0].split() == ["published"]
    assert second.communicate()[0].split() == ["leased", "published"]
    assert workers.tokens() == [("first", 1), ("second", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["files", "in_place", "reserved"])
def test_what_a_killed_owner_had_is_free_at_once(warehouse: Warehouse, lake: Lake, kind: str) -> None:
    workers = Workers(kind, warehouse, lake)
    # another writer is there already and waits: the time that a process takes to start is not measured
    first = workers.start("first", lease=3600, work=3600)
    assert said(first) == "leased"
    second = workers.start("second", lease=60, work=0)
    first.kill()
    first.wait()
    killed = time.monotonic()
    assert said(second) == "leased"
    waited = time.monotonic() - killed
    assert second.communicate()[0].split() == ["published"]
    assert waited < LEASE_SECONDS / 2, "it was the death that freed the lease, not its expiry"
    assert [run for run, _ in workers.tokens()] == ["second"]


def test_a_killed_owner_elsewhere_loses_its_lease_when_it_expires(warehouse: Warehouse, lake: Lake) -> None:
    workers = Workers("files", warehouse, lake)
    first = workers.start("first", lease=0.5, work=3600)
    assert said(first) == "leased"
    first.kill()
    first.wait()
    second = workers.start("second", lease=60, work=0, where="elsewhere")
    assert second.communicate()[0].split() == ["leased", "published"]
    assert workers.tokens() == [("second", 2)]
