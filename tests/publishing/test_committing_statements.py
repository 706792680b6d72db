"""Publishing where a statement that creates commits the transaction, as on Snowflake: tried on a real PostgreSQL.

Nothing is created between the fence and the ledger, so a kill leaves old or new here too. Names that are quoted in one
place and not in another are two names there: all are quoted.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.campaign import Campaign
from tests.publishing.support import Lake, content, load, session_class, states
from tests.publishing.test_kill_between_statements import killed_between_every_two_statements
from tests.publishing.test_leases import AFTER_COMMIT, BEFORE_COMMIT
from tests.support.committing import CommittingSession
from tests.support.engines import warehouse_of


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return warehouse_of("committing", tmp_path, request)


def test_a_statement_that_creates_commits_here(warehouse: Warehouse) -> None:
    with warehouse.session() as session:
        session.execute("CREATE TABLE t (i int)")
        with pytest.raises(KeyError), session.transaction():  # noqa: PT012
            session.execute("INSERT INTO t VALUES (1)")
            session.execute("CREATE TABLE other (i int)")
            session.execute("INSERT INTO t VALUES (2)")
            raise KeyError
        assert session.execute("SELECT i FROM t") == [(1,)]


def test_partitions_are_published_rejected_and_published_again(warehouse: Warehouse, lake: Lake) -> None:
    assert states(load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1", rows=0))) == [
        "published",
        "rejected",
    ]
    assert states(load(warehouse, lake.candidate("a", "v2"), lake.candidate("b", "v2"))) == ["published"] * 2
    assert content(warehouse) == {"a": ["v2"] * 3, "b": ["v2"] * 3}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["files", "in_place"])
def test_kill_9_between_every_two_statements(warehouse: Warehouse, lake: Lake, kind: str) -> None:
    killed_between_every_two_statements(Campaign(kind, warehouse, lake))


@pytest.mark.slow
@pytest.mark.parametrize("name", BEFORE_COMMIT + AFTER_COMMIT)
def test_kill_9_at_every_failpoint(warehouse: Warehouse, lake: Lake, name: str) -> None:
    campaign = Campaign("files", warehouse, lake)
    campaign.publish("old")
    assert campaign.start("new", failpoint=name).wait() == -signal.SIGKILL
    assert set(campaign.whole().values()) == {"new0" if name in AFTER_COMMIT else "old"}
    assert campaign.start("new").wait() == 0
    assert set(campaign.whole().values()) == {"new0"}
    assert campaign.leases() == 0


def test_all_names_are_quoted(warehouse: Warehouse, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    kind = session_class(warehouse)
    assert kind is CommittingSession
    real = kind.execute

    def execute(session: CommittingSession, sql: str, parameters: Sequence[object] = ()) -> object:
        said.append(sql)
        return real(session, sql, parameters)

    monkeypatch.setattr(kind, "execute", execute)
    load(warehouse, lake.candidate("a", "v1"), lake.candidate("b", "v1"))
    load(warehouse, lake.candidate("a", "v2"))
    common = [sql for sql in said if "pg_" not in sql and sql.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")]
    assert len(common) > 30
    bare = {
        (identifier.name, sql)
        for sql in common
        for node in sqlglot.parse_one(sql, dialect="postgres").find_all(exp.Column, exp.Table)
        for identifier in (node.this, node.args.get("db"))
        if isinstance(identifier, exp.Identifier) and not identifier.quoted
    }
    assert bare == set()
