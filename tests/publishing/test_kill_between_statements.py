"""kill -9 between every two statements of a publication: old or new, never a mix, and the next run succeeds at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.campaign import Campaign
from tests.publishing.support import Lake
from tests.support.engines import location_of

MOST = 400
"""More statements than a publication has."""
KILLED = """
import os, signal, sys
from tests.publishing.support import session_class
from tests.publishing.writer import main
from tests.support.engines import warehouse_at
kind, left = session_class(warehouse_at(sys.argv[2])), [int(os.environ["STATEMENTS"])]
real = kind.execute

def execute(session, sql, parameters=()):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return real(session, sql, parameters)

kind.execute = execute
main(*sys.argv[1:])
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["files", "in_place"])
def test_kill_9_between_every_two_statements(warehouse: Warehouse, lake: Lake, kind: str) -> None:
    campaign = Campaign(kind, warehouse, lake)
    campaign.publish("old")
    ends: list[str] = []
    for statements in range(MOST):
        before = set(campaign.whole().values()).pop()
        campaign.prepare(f"k{statements}-", 1)
        command = [sys.executable, "-c", KILLED, kind, location_of(warehouse), str(lake.folder), f"k{statements}-", "1"]
        code = subprocess.run(command, env={**os.environ, "STATEMENTS": str(statements)}, check=False).returncode
        found = set(campaign.whole().values())
        assert found in ({before}, {f"k{statements}-0"}), statements
        ends.append("new" if found != {before} else "old")
        if code == 0:
            break
        assert code == -signal.SIGKILL
        if statements % 5 == 0:
            assert set(campaign.publish(f"n{statements}")) == {"published"}
            assert set(campaign.whole().values()) == {f"n{statements}"}
            assert campaign.leases() == 0
    assert code == 0
    assert len(ends) > 20
    assert ends.index("new") > 10
