"""The lock of which one daemon of an instance has one: taken once, kept, and missed when it is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import psycopg2
import pytest

from platform_assets.launching.leader import FileHeld, Lock, PostgresHeld, lock_of
from tests.support.servers import free_port, wait_for

HOLDER = """
import sys, time
from pathlib import Path
import dagster as dg
from platform_assets.launching.leader import lock_of
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    lock = lock_of(instance, print)
    assert lock.taken()
    print("taken", flush=True)
    time.sleep(600)
"""


@pytest.fixture(name="home", params=["sqlite", "postgres"])
def _home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    config = "telemetry: {enabled: false}\n"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_database")
        config += f"storage: {{postgres: {{postgres_url: '{url}'}}}}\n"
    (tmp_path / "dagster.yaml").write_text(config)
    return tmp_path


@pytest.fixture(name="instance")
def _instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def locks(instance: dg.DagsterInstance, said: list[str]) -> tuple[Lock, Lock]:
    return lock_of(instance, said.append), lock_of(instance, said.append)


def test_one_has_it_and_the_other_gets_it_after(instance: dg.DagsterInstance) -> None:
    said: list[str] = []
    first, second = locks(instance, said)
    assert first.taken()
    assert not second.taken()
    assert first.held()
    assert not second.held()
    assert second.holder() == first.holder()
    first.close()
    wait_for("the lock", second.taken)
    assert not first.held()
    second.close()
    assert said == []


def test_the_lock_of_a_killed_process_is_free(home: Path, instance: dg.DagsterInstance) -> None:
    command = [sys.executable, "-c", HOLDER, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        lock = lock_of(instance, print)
        assert not lock.taken()
        assert f"process {process.pid}" in lock.holder()
        process.send_signal(signal.SIGKILL)
    wait_for("the lock", lock.taken)
    lock.close()


def test_a_lock_that_is_gone_is_missed(instance: dg.DagsterInstance) -> None:
    said: list[str] = []
    lock, _ = locks(instance, said)
    assert lock.taken()
    if isinstance(lock, FileHeld):
        (Path(instance.root_directory) / "daemon.lock").unlink()
    else:
        assert isinstance(lock, PostgresHeld)
        url = instance.event_log_storage.postgres_url  # type: ignore[attr-defined]
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    wait_for("the loss", lambda: not lock.held())
    lock.close()


def test_a_server_that_is_away_gives_no_lock_and_its_password_is_not_shown(tmp_path: Path) -> None:
    said: list[str] = []
    url = f"postgresql://somebody:hush-hush@127.0.0.1:{free_port()}/nowhere"
    storage = SimpleNamespace(postgres_url=url)
    lock = lock_of(SimpleNamespace(event_log_storage=storage), said.append)  # type: ignore[arg-type]
    assert not lock.taken()
    assert not lock.held()
    assert lock.holder() == "another process"
    assert said == ["the instance's storage does not answer: OperationalError"]
