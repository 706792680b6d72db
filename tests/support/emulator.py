"""Snowflake for tests: fakesnow's server in a process and an environment of its own, one for all tests of a process.

The environment is made once by uv, from ``fakesnow.lock``, below the user's folder of caches.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.servers import free_port, wait_for

PASSWORD = "right"
ACCOUNT = "PLATFORM_TEST_SNOWFLAKE"
"""The variable that is set where tests run on a real account."""
_HERE = Path(__file__).parent
_LOCK = _HERE / "fakesnow.lock"
_SERVER = _HERE / "fakesnow_server.py"


@dataclass
class Emulator:
    """fakesnow's server, which can be killed and started again on the same port; then it has forgotten everything."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    databases: int = field(default=0)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [environment(), "-P", _SERVER, str(self.port), PASSWORD]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={"TMPDIR": str(self.folder)})
        wait_for("fakesnow", self._answers)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait()

    def logins(self) -> list[str]:
        """What became of each login: accepted or refused."""
        lines = (self.folder / "log").read_text().splitlines()
        return [line.removeprefix("login ") for line in lines if line.startswith("login ")]

    def location(self) -> str:
        """That of a database that holds nothing."""
        self.databases += 1
        return f"snowflake://emulator/DB{self.databases}?warehouse=TESTS&host=127.0.0.1&port={self.port}&protocol=http"

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"fakesnow has ended: {(self.folder / 'log').read_text()}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/")
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


def environment() -> Path:
    """The Python of fakesnow's environment, which is made if there is none."""
    pins = _LOCK.read_bytes()
    folder = Path.home() / ".cache" / "platform-assets-tests" / f"fakesnow-{hashlib.sha256(pins).hexdigest()[:12]}"
    ready, python = folder / "ready", folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = Path(sys.executable).with_name("uv")
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
            subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", _LOCK], check=True)
            ready.touch()
    return python


@pytest.fixture(scope="session", name="snowflake_server")
def _snowflake_server() -> Iterator[Emulator]:
    """A server that all tests of this process share."""
    with emulator() as server:
        yield server


@contextlib.contextmanager
def emulator() -> Iterator[Emulator]:
    with tempfile.TemporaryDirectory(prefix="fakesnow-") as folder:
        server = Emulator(free_port(), Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def snowflake_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The location of a database that holds nothing; who may log in is in the environment.

    It is one of the emulator, or one of its own in the account of the environment (``make test-snowflake``).
    """
    if ACCOUNT in os.environ:
        with account_database() as location:
            yield location
        return
    monkeypatch.setenv("SNOWFLAKE_USER", "platform")
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", PASSWORD)
    yield request.getfixturevalue("snowflake_server").location()


@contextlib.contextmanager
def account_database() -> Iterator[str]:
    """A database of a real account, dropped at the end."""
    from platform_assets.warehouse.snowflake.connecting import connect
    from platform_assets.warehouse.snowflake.locating import located

    at, name = located("snowflake://", {**os.environ, "SNOWFLAKE_DATABASE": "NONE"}), f"PLATFORM_{uuid.uuid4().hex[:8]}"
    name = name.upper()
    anywhere = replace(at, parts={key: value for key, value in at.parts.items() if key != "database"})
    with connect(anywhere, query_tag="tests", wait_seconds=60) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TRANSIENT DATABASE {name}")
        try:
            yield replace(at, parts={**at.parts, "database": name}).shown.replace("/NONE?", f"/{name}?")
        finally:
            cursor.execute(f"DROP DATABASE {name}")
