"""kill -9 between every two statements of a publication: old or new, never a mix, and the next run succeeds at once."""

from __future__ import annotations

import os
import signal

import pytest

from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.protocol import Warehouse
from platform_assets.warehouse.snowflake.warehouse import SnowflakeWarehouse
from tests.publishing.campaign import Campaign
from tests.publishing.support import Lake

MOST = 400
"""More statements than a publication has."""
EVERY = {DuckDBWarehouse: 1, SnowflakeWarehouse: 8}
OTHERS = 3
"""Without PLATFORM_ENGINES=all: every third statement, and on Snowflake's emulator, where a publication takes more than
a second, every eighth one."""


def killed_between_every_two_statements(campaign: Campaign, *, every: int = 1) -> None:
    """Before each statement, or before every eighth of them, for example."""
    campaign.publish("old")
    ends: list[str] = []
    for statements in range(0, MOST, every):
        before = set(campaign.whole().values()).pop()
        campaign.prepare(f"k{statements}-", 1)
        code = campaign.start_killed(f"k{statements}-", statements).wait()
        found = set(campaign.whole().values())
        assert found in ({before}, {f"k{statements}-0"}), statements
        ends.append("new" if found != {before} else "old")
        if code == 0:
            break
        assert code == -signal.SIGKILL
        if len(ends) % 5 == 1:
            assert set(campaign.publish(f"n{statements}")) == {"published"}
            assert set(campaign.whole().values()) == {f"n{statements}"}
            assert campaign.leases() == 0
    assert code == 0
    assert statements > 20
    assert ends.index("new") * every > 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["files", "in_place"])
def test_kill_9_between_every_two_statements(warehouse: Warehouse, lake: Lake, kind: str) -> None:
    every = 1 if os.environ.get("PLATFORM_ENGINES") == "all" else EVERY.get(type(warehouse), OTHERS)
    killed_between_every_two_statements(Campaign(kind, warehouse, lake), every=every)
