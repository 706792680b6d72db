"""PostgreSQL under the conformance suite."""

from __future__ import annotations

import pytest

from platform_assets.warehouse.postgres.warehouse import PostgresWarehouse, open_postgres
from tests.warehouse.conformance import WarehouseConformance
from tests.warehouse.conformance_concurrent import ConcurrentConformance


@pytest.fixture
def warehouse(postgres_database: str) -> PostgresWarehouse:
    return open_postgres(postgres_database, wait_seconds=0.6, memory_limit=None)


class TestPostgres(WarehouseConformance, ConcurrentConformance):
    pass
