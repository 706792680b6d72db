"""PostgreSQL for tests: the demo's server, one for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from demo.postgres_server import postgres_server
from tests.support.servers import wait_for


@pytest.fixture(scope="session", name="postgres_server")
def _postgres_server() -> Iterator[str]:
    """The URL of a server that all tests of this process share; nothing of it outlives a crash of the machine."""
    with postgres_server("fsync=off", "full_page_writes=off", "max_connections=200") as url:
        yield url


_TERMINATED = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_SCHEMAS = """SELECT string_agg(quote_ident(nspname), ', ') FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"""


@pytest.fixture
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The URL of a database that holds nothing."""
    yield postgres_server
    clear(postgres_server)


def clear(url: str) -> None:
    """End all sessions of a database, and drop what they made."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:

            def alone() -> bool:
                cursor.execute(_TERMINATED)
                return cursor.fetchone() == (0,)

            wait_for("the end of all sessions", alone)
            cursor.execute(_SCHEMAS)
            (schemas,) = cursor.fetchone()
            cursor.execute(f"DROP SCHEMA {schemas} CASCADE; CREATE SCHEMA public")
