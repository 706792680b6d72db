"""The part of the conformance suite for engines whose sessions take turns."""

from __future__ import annotations

import threading

from platform_assets.warehouse.errors import WarehouseBusy, WarehouseError
from platform_assets.warehouse.protocol import Warehouse
from tests.support.waiting import watched_waits


class TurnsConformance:
    def test_it_says_so(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            assert not session.capabilities.concurrent_writers

    def test_a_reservation_keeps_sessions_out(self, warehouse: Warehouse) -> None:
        order: list[str] = []

        def read() -> None:
            with warehouse.session(read_only=True, wait_seconds=120):
                order.append("session")

        thread = threading.Thread(target=read)
        with watched_waits() as waits, warehouse.reserve(purpose="a tool of its own"):
            thread.start()
            assert "a tool of its own" in waits.one()
            order.append("reserved")
        thread.join()
        assert order == ["reserved", "session"]

    def test_a_session_waits_no_longer_than_its_own_limit(self, warehouse: Warehouse) -> None:
        refused: list[WarehouseError] = []

        def ask() -> None:
            for read_only in (False, True):
                try:
                    with warehouse.session(read_only=read_only, wait_seconds=0):
                        pass
                except WarehouseBusy as busy:
                    refused.append(busy)

        with warehouse.reserve(purpose="a tool of its own"):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        assert len(refused) == 2
        assert "a tool of its own" in str(refused[0])
        ask()
        assert len(refused) == 2
