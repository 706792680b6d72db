"""The part of the conformance suite about sessions that have to wait for each other, or must not nest."""

from __future__ import annotations

import threading

import pytest

from platform_assets.warehouse.errors import SessionMisused, WarehouseBusy, WarehouseError
from platform_assets.warehouse.protocol import Warehouse
from tests.support.waiting import watched_waits
from tests.warehouse.conformance_table import fill, ids, name


class TurnsConformance:
    def test_sessions_of_one_thread_do_not_nest(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            with pytest.raises(SessionMisused, match="already"), warehouse.session(read_only=True):
                pass
            with pytest.raises(SessionMisused, match="already"), warehouse.reserve():
                pass
            assert session.execute("SELECT 1") == [(1,)]
        with warehouse.session():
            pass

    def test_threads_wait_for_each_other(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session)
        errors: list[BaseException] = []

        def add(i: int) -> None:
            try:
                # a loaded machine may need longer for eight turns than the fixture's warehouse waits
                with warehouse.session(wait_seconds=120) as session, session.transaction():
                    count = session.execute(f"SELECT count(*) FROM {name(session)}")[0][0]
                    session.execute(f"INSERT INTO {name(session)} (id) VALUES (?)", [count])
                assert i in range(8)
                with warehouse.session(read_only=True, wait_seconds=120) as session:
                    assert session.execute(f"SELECT count(*) FROM {name(session)}")[0][0] > count
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=add, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert ids(warehouse) == list(range(8))

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
