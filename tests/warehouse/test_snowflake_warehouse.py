"""Snowflake under the conformance suite, on the emulator."""

from __future__ import annotations

import pytest

from platform_assets.warehouse.snowflake.warehouse import SnowflakeWarehouse, open_snowflake
from tests.warehouse.conformance import WarehouseConformance
from tests.warehouse.conformance_concurrent import ConcurrentConformance


@pytest.fixture
def warehouse(snowflake_database: str) -> SnowflakeWarehouse:
    return open_snowflake(snowflake_database, wait_seconds=0.6, memory_limit=None)


class TestSnowflake(WarehouseConformance, ConcurrentConformance):
    pass
