"""The part of the conformance suite for engines whose writers take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable

from platform_assets.warehouse.errors import WarehouseBusy, WarehouseError
from platform_assets.warehouse.protocol import Warehouse
from tests.support.waiting import watched_waits
from tests.warehouse.conformance_table import fill, ids_of, name


def ended(call: Callable[[], object]) -> None:
    """Make a call in another thread, whose sessions are its own."""
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


class TurnsConformance:
    def test_it_says_so(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            assert not session.capabilities.concurrent_writers

    def test_a_reservation_keeps_sessions_out(self, warehouse: Warehouse) -> None:
        order: list[str] = []

        def write() -> None:
            with warehouse.session(wait_seconds=120):
                order.append("session")

        thread = threading.Thread(target=write)
        with watched_waits() as waits, warehouse.reserve(purpose="a tool of its own"):
            thread.start()
            assert "a tool of its own" in waits.one()
            order.append("reserved")
        thread.join()
        assert order == ["reserved", "session"]

    def test_readers_wait_for_no_writer_where_it_says_so(self, warehouse: Warehouse) -> None:
        seen: list[list[int]] = []

        def look() -> None:
            with warehouse.session(read_only=True, wait_seconds=120) as session:
                seen.append(ids_of(session))

        def snapshot() -> None:
            with warehouse.session(read_only=True, wait_seconds=120) as session, session.snapshot():
                seen.append(ids_of(session))
                looked.set()
                assert committed.wait(60)
                seen.append(ids_of(session))

        looked, committed = threading.Event(), threading.Event()
        with warehouse.session() as session:
            fill(session, 1)
            if not session.capabilities.readers_beside_writers:
                return
            with session.transaction():
                session.execute(f"DELETE FROM {name(session)}")
                fill(session, 2)
                ended(look)
                reading = threading.Thread(target=snapshot)
                reading.start()
                assert looked.wait(60)
            committed.set()
            reading.join()
            ended(look)
        assert seen == [[1], [1], [1], [2]]

    def test_a_session_waits_no_longer_than_its_own_limit(self, warehouse: Warehouse) -> None:
        refused: list[WarehouseError] = []

        def ask() -> None:
            for read_only in (False, True):
                try:
                    with warehouse.session(read_only=read_only, wait_seconds=0) as session:
                        beside.append(session.capabilities.readers_beside_writers and read_only)
                except WarehouseBusy as busy:
                    refused.append(busy)

        beside: list[bool] = []
        with warehouse.reserve(purpose="a tool of its own"):
            ended(ask)
        assert len(refused) + len(beside) == 2
        assert all(beside)
        assert "a tool of its own" in str(refused[0])
        before = len(refused)
        ask()
        assert len(refused) == before
