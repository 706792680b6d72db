"""The part of the conformance suite for engines with many writers at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from platform_assets.warehouse.errors import WarehouseBusy
from platform_assets.warehouse.protocol import Session, Warehouse
from tests.warehouse.conformance_table import TABLE, fill, ids, ids_of, name

Result = TypeVar("Result")


def meanwhile(call: Callable[[], Result]) -> Result:
    """What another thread gets."""
    with ThreadPoolExecutor(1) as another:
        return another.submit(call).result(60)


class ConcurrentConformance:
    def test_it_says_so(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            assert session.capabilities.concurrent_writers

    def test_readers_see_what_is_committed_and_wait_for_no_writer(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session, 1)
            with session.transaction():
                session.execute(f"DELETE FROM {name(session)}")
                session.execute(f'INSERT INTO {name(session)} ("id") VALUES (2)')
                assert meanwhile(lambda: ids(warehouse)) == [1]
            assert meanwhile(lambda: ids(warehouse)) == [2]

    def test_a_statement_sees_what_was_committed_before_it(self, warehouse: Warehouse) -> None:
        def add() -> None:
            with warehouse.session() as session:
                fill(session, 2)

        with warehouse.session() as session:
            fill(session, 1)
            with session.transaction():
                assert ids_of(session) == [1]
                meanwhile(add)
                assert ids_of(session) == [1, 2]

    def test_a_snapshot_sees_what_was_committed_before_it(self, warehouse: Warehouse) -> None:
        def add() -> None:
            with warehouse.session() as session:
                fill(session, 2)

        with warehouse.session() as session:
            fill(session, 1)
            with session.snapshot():
                assert ids_of(session) == [1]
                meanwhile(add)
                assert ids_of(session) == ([1] if session.capabilities.snapshots else [1, 2])
            assert ids_of(session) == [1, 2]

    def test_rows_that_others_change_are_passed_over_and_those_given_are_kept(self, warehouse: Warehouse) -> None:
        def given(session: Session) -> list[int]:
            return sorted(row[0] for row in session.execute(session.kept(f'SELECT t."id" FROM {name(session)} AS t')))

        def others() -> list[int]:
            with warehouse.session() as session, session.transaction():
                return given(session)

        with warehouse.session() as session:
            fill(session, 1, 2, 3)
            with session.transaction():
                session.execute(f'UPDATE {name(session)} SET "amount" = 1 WHERE "id" = 1')
                if not session.capabilities.row_locks:
                    assert meanwhile(others) == [1, 2, 3]
                    return
                assert meanwhile(others) == [2, 3]
                assert given(session) == [1, 2, 3]
                assert meanwhile(others) == []
            assert meanwhile(others) == [1, 2, 3]

    def test_a_locked_table_is_kept_from_others(self, warehouse: Warehouse) -> None:
        def look() -> None:
            with warehouse.session(wait_seconds=0) as session:
                ids_of(session)

        with warehouse.session() as session:
            fill(session, 1)
            with session.transaction():
                session.lock_table(TABLE)
                if not session.capabilities.row_locks:
                    # who changes rows is kept off; the emulator of Snowflake keeps nobody off a row that stays the same
                    meanwhile(look)
                    return
                with pytest.raises(WarehouseBusy):
                    meanwhile(look)
            meanwhile(look)

    def test_a_wait_for_rows_of_others_has_an_end(self, warehouse: Warehouse) -> None:
        def change() -> None:
            with warehouse.session(wait_seconds=0) as session:
                session.execute(f'UPDATE {name(session)} SET "amount" = 2')

        with warehouse.session() as session:
            fill(session, 1)
            with session.transaction():
                session.execute(f'UPDATE {name(session)} SET "amount" = 1')
                with pytest.raises(WarehouseBusy):
                    meanwhile(change)
            meanwhile(change)

    def test_a_reservation_lets_sessions_in(self, warehouse: Warehouse) -> None:
        def add() -> None:
            with warehouse.session(wait_seconds=0) as session:
                fill(session, 1)

        with warehouse.reserve(purpose="a tool of its own"):
            meanwhile(add)
        assert ids(warehouse) == [1]

    def test_a_table_is_made_once_by_many(self, warehouse: Warehouse) -> None:
        start, errors = threading.Barrier(8), []

        def make() -> None:
            try:
                with warehouse.session(wait_seconds=120) as session:
                    start.wait(60)
                    fill(session, 1)
                    session.ensure_index(TABLE, ["id"])
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert ids(warehouse) == [1] * 8
