"""What every warehouse must do, whatever stands behind the protocol.

Subclass :class:`WarehouseConformance` in a test module, together with :class:`TurnsConformance` or
:class:`ConcurrentConformance` by what its engine can do, and give it a ``warehouse`` fixture: a warehouse that does not
hold anything yet, cheap to make, with a short wait.
"""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from platform_assets.sql.identifiers import quoted, quoted_path
from platform_assets.sql.literals import literal
from platform_assets.warehouse.errors import IncompatibleTable, SessionMisused, StatementFailed, WarehouseError
from platform_assets.warehouse.protocol import PARTITION, ColumnDef, StagedFile, TableName, Warehouse
from tests.warehouse.conformance_content import ContentConformance
from tests.warehouse.conformance_table import COLUMNS, TABLE, fill, ids, ids_of, name, parquet

VALUES = (
    *("", "plain", "it's", "back\\slash", "line\nbreak", "ünï ☃", "?", "$1", "'; DROP TABLE x; --"),
    *(None, 0, -1, 2**62, 1.5, 1e-300, True, False),
    *(dt.datetime(2024, 2, 29, 23, 59, 59, 123456), dt.date(1, 1, 1)),  # noqa: DTZ001  # UTC, without zone
)
NOWHERE = 'SELECT * FROM "odd schema"."nowhere"'


class WarehouseConformance(ContentConformance):
    def test_sessions_of_one_thread_do_not_nest(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            with pytest.raises(SessionMisused, match="already"), warehouse.session(read_only=True):
                pass
            with pytest.raises(SessionMisused, match="already"), warehouse.reserve():
                pass
            assert session.execute("SELECT 1") == [(1,)]
        with warehouse.session():
            pass

    def test_a_turn_is_had_by_one_transaction_at_a_time(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session)
        errors: list[BaseException] = []

        def add(i: int) -> None:
            try:
                # a loaded machine may need longer for eight turns than the fixture's warehouse waits
                with warehouse.session(wait_seconds=120) as session, session.transaction():
                    session.take_turn("a test")
                    count = session.execute(f"SELECT count(*) FROM {name(session)}")[0][0]
                    session.execute(f'INSERT INTO {name(session)} ("id") VALUES (?)', [count])
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

    def test_a_warehouse_that_does_not_exist_reads_as_empty_and_is_not_made(self, warehouse: Warehouse) -> None:
        for _ in range(2):
            with warehouse.session(read_only=True) as session:
                assert session.describe(TABLE) is None
                assert session.columns(TABLE) is None
                with pytest.raises(StatementFailed):
                    session.execute(f"SELECT * FROM {name(session)}")

    def test_what_one_session_commits_the_next_one_reads(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session, 1, 2)
        assert ids(warehouse) == [1, 2]

    @pytest.mark.parametrize("value", VALUES)
    def test_bound_values_come_back_as_they_are(self, warehouse: Warehouse, value: object) -> None:
        with warehouse.session() as session:
            assert session.execute("SELECT ?", [value]) == [(value,)]
            assert session.execute("SELECT 1 WHERE ? IS NOT DISTINCT FROM ?", [value, value]) == [(1,)]

    def test_statements_are_written_in_its_dialect(self, warehouse: Warehouse) -> None:
        odd = 'it\'s \\ "odd" ünd $1 ?'
        with warehouse.session() as session:
            assert session.quote("a", odd) == quoted_path("a", odd, dialect=session.dialect)
            name = quoted(odd, session.dialect)
            found = session.execute(f"SELECT {name} FROM (SELECT {literal(odd, session.dialect)} AS {name}) AS t")
        assert found == [(odd,)]

    def test_a_transaction_is_all_or_nothing(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session, 1)
            with pytest.raises(KeyError), session.transaction():  # noqa: PT012
                fill(session, 2)
                raise KeyError("anything")
            with pytest.raises(StatementFailed), session.transaction():  # noqa: PT012
                fill(session, 3)
                session.execute(NOWHERE)
            with session.transaction():
                fill(session, 4)
        assert ids(warehouse) == [1, 4]

    def test_transactions_do_not_nest(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session)
            with session.transaction():
                with pytest.raises(SessionMisused, match="nest"), session.transaction():
                    pass
                fill(session, 1)
        assert ids(warehouse) == [1]

    def test_a_failed_statement_leaves_the_session_usable(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            with pytest.raises(StatementFailed, match="nowhere"):
                session.execute(NOWHERE)
            with pytest.raises(StatementFailed):
                session.execute("SELECT CAST(? AS INTEGER)", ["no number"])
            assert session.execute("SELECT 1") == [(1,)]

    def test_a_read_only_session_does_not_write(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session, 1)
        with warehouse.session(read_only=True) as session, pytest.raises(WarehouseError):
            session.execute(f"DELETE FROM {name(session)}")
        assert ids(warehouse) == [1]

    def test_tables_are_made_described_and_extended(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session, 1)
            session.ensure_table(TABLE, COLUMNS)
            wider = (COLUMNS[0], ColumnDef("amount", "DECIMAL(12,2)", "more"), ColumnDef("new", "DATE"))
            session.ensure_table(TABLE, wider)
            described = session.describe(TABLE)
            assert described is not None
            assert [(c.name, c.description) for c in described] == [
                ("id", "the key; it's unique"),
                ("amount", "more"),
                ("select", ""),
                ("new", ""),
            ]
            assert session.columns(TABLE) == tuple(ColumnDef(c.name, c.type) for c in described)
            session.execute(f'UPDATE {name(session)} SET "amount" = 1234567890.12')
            assert session.execute(f'SELECT "amount", "new" FROM {name(session)}') == [(Decimal("1234567890.12"), None)]
            # narrower than what is there is fine: the values fit
            session.ensure_table(TABLE, COLUMNS)

    def test_a_type_that_would_change_values_is_refused_with_advice(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session, 1)
            changed = (ColumnDef("id", "DOUBLE"), ColumnDef("amount", "VARCHAR"), ColumnDef("new", "DATE"))
            with pytest.raises(IncompatibleTable, match=r"id is .*amount is .*new name") as refused:
                session.ensure_table(TABLE, changed)
            assert str(TABLE) in str(refused.value)
            described = session.describe(TABLE)
            assert described is not None
            assert [c.name for c in described] == ["id", "amount", "select"]

    def test_rows_can_be_staged(self, warehouse: Warehouse) -> None:
        columns = [
            ColumnDef("k", "VARCHAR"),
            ColumnDef("n", "BIGINT"),
            ColumnDef("t", "TIMESTAMP"),
            ColumnDef("b", "BOOLEAN"),
        ]
        day = dt.datetime(2024, 1, 1)  # noqa: DTZ001  # UTC, without zone
        rows: list[tuple[object, ...]] = [
            (f"k'{i}\"\\\n☃", i, day + dt.timedelta(microseconds=i**2), i % 2 == 0) for i in range(3000)
        ]
        rows.append((None, None, None, None))
        with warehouse.session() as session:
            relation = session.stage_rows(columns, rows)
            assert sorted(session.execute(f"SELECT * FROM {relation}"), key=str) == sorted(rows, key=str)
            assert session.execute(f"SELECT * FROM {session.stage_rows(columns, [])}") == []

    def test_parquet_is_matched_by_name_and_marked(self, warehouse: Warehouse, tmp_path: Path) -> None:
        queries = {
            "a [1]*?": ("SELECT 'x' AS \"select\", CAST(1 AS BIGINT) AS id, 9 AS more", "p'1"),
            "b": ("SELECT CAST(2 AS BIGINT) AS id, CAST(1.5 AS DECIMAL(4,1)) AS amount", "p2"),
            "c": ("SELECT CAST(3 AS BIGINT) AS id", "p2"),
        }
        files = [
            StagedFile(parquet(tmp_path / f"{stem}.parquet", query), partition)
            for stem, (query, partition) in queries.items()
        ]
        with warehouse.session() as session:
            relation = session.stage_parquet(files, COLUMNS)
            assert session.execute(f'SELECT * FROM {relation} ORDER BY "id"') == [
                (1, None, "x", "p'1"),
                (2, Decimal("1.50"), None, "p2"),
                (3, None, None, "p2"),
            ]
            assert session.staged_rows(relation) == {"p'1": 1, "p2": 2}
            alone = session.stage_parquet(files[1:2], COLUMNS)
            assert session.staged_rows(alone) == {"p2": 1}
            assert session.execute(f'SELECT "id", "{PARTITION}" FROM {alone}') == [(2, "p2")]
            nothing = session.stage_parquet([], COLUMNS)
            assert session.execute(f"SELECT * FROM {nothing}") == []
            assert session.staged_rows(nothing) == {}

    def test_parquet_whose_types_do_not_fit_is_refused(self, warehouse: Warehouse, tmp_path: Path) -> None:
        file = parquet(tmp_path / "a.parquet", "SELECT CAST(1 AS BIGINT) AS id, 1.005 AS amount")
        with warehouse.session() as session:
            with pytest.raises(StatementFailed, match="amount"):
                session.stage_parquet([StagedFile(file, "p")], COLUMNS)
            with pytest.raises(StatementFailed, match=r"nowhere\.parquet"):
                session.stage_parquet([StagedFile(str(tmp_path / "nowhere.parquet"), "p")], COLUMNS)

    def test_fingerprints_tell_multisets_of_rows_apart(self, warehouse: Warehouse) -> None:
        tables = {
            "base": "(1, 'a'), (2, 'b'), (2, 'b')",
            "reordered": "(2, 'b'), (1, 'a'), (2, 'b')",
            "fewer": "(1, 'a'), (2, 'b')",
            "swapped pairs": "(1, 'a'), (1, 'a'), (2, 'b')",
            "changed": "(1, 'a'), (2, 'b'), (2, 'c')",
            "nulls": "(1, NULL), (2, 'b'), (2, 'b')",
        }
        with warehouse.session() as session:
            select = f"SELECT {session.fingerprint(['i', 's'])} FROM"
            found = {
                label: session.execute(f'{select} (VALUES {rows}) AS t("i", "s")')[0][0]
                for label, rows in tables.items()
            }
        assert found.pop("reordered") == found["base"]
        assert len(set(found.values())) == len(found)
        assert all(len(value) == 32 for value in found.values())

    def test_a_query_is_staged_as_it_is_now(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session, 1, 2)
            relation = session.stage_query(f'SELECT "id", 2 * "id" AS "twice" FROM {name(session)} WHERE "id" > 1')
            assert session.execute(f"SELECT * FROM {relation} AS r") == [(2, 4)]

    def test_a_table_takes_the_name_of_another(self, warehouse: Warehouse) -> None:
        other = TableName(TABLE.schema, "other")
        with warehouse.session() as session:
            fill(session, 1, 2)
            for _ in range(2):
                session.ensure_index(TABLE, ["id"])
            session.ensure_table(other, [ColumnDef("id", "VARCHAR", "as a text")])
            copy = f'INSERT INTO {name(session, other)} SELECT CAST("id" AS VARCHAR) FROM {name(session)}'
            if session.capabilities.transactional_ddl:
                with pytest.raises(KeyError), session.transaction():  # noqa: PT012
                    session.execute(copy)
                    session.replace_table(TABLE, other)
                    raise KeyError
                assert [c.type for c in session.columns(TABLE) or ()] == ["BIGINT", "DECIMAL(10,2)", "VARCHAR"]
                with session.transaction():
                    session.execute(copy)
                    session.replace_table(TABLE, other)
            else:
                session.execute(copy)
                with session.transaction():
                    session.replace_table(TABLE, other)
            session.ensure_index(TABLE, ["id"])
            assert session.columns(other) is None
            assert session.describe(TABLE) == (ColumnDef("id", "VARCHAR", "as a text"),)
            assert session.execute(f'SELECT "id" FROM {name(session)} ORDER BY "id"') == [("1",), ("2",)]

    def test_the_clock_is_utc(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            drift = session.now() - dt.datetime.now(dt.UTC).replace(tzinfo=None)
        assert abs(drift) < dt.timedelta(seconds=30)

    def test_a_closed_session_says_so(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            pass
        with pytest.raises(SessionMisused, match="closed"):
            session.execute("SELECT 1")

    def test_unique_columns_stay_unique(self, warehouse: Warehouse) -> None:
        with warehouse.session() as session:
            fill(session, 1, 1, 2)
            with pytest.raises(StatementFailed):
                session.ensure_unique(TABLE, ["id"])
            session.execute(f'DELETE FROM {name(session)} WHERE "id" = 1')
        for _ in range(2):
            with warehouse.session() as session:
                session.ensure_unique(TABLE, ["id"])
                if session.capabilities.unique_columns:
                    with pytest.raises(StatementFailed):
                        session.execute(f'INSERT INTO {name(session)} ("id") VALUES (2)')
                assert ids_of(session) == [2]
