"""Whether a SQLite file of Dagster's has its tables, and new event logs copied from one that has them.

The stock storages ask Alembic each time a file is opened, which reads all of its migrations, only to learn that the
file has some version.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path


def is_set_up(path: str | Path, table: str) -> bool:
    """Whether the file at ``path`` has ``table`` and the version of its schema. What cannot be read has not."""
    if not Path(path).exists():
        return False
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('alembic_version', ?)", (table,))
        if tables.fetchone() == (2,):
            return connection.execute("SELECT version_num FROM alembic_version").fetchone() is not None
    return False


class Template:
    """An empty database with its tables, which new ones are copied from.

    It is set up by ``set_up`` (given a path) when it is first needed, and kept in memory: 0.1 MB.
    """

    def __init__(self, set_up: Callable[[Path], None]) -> None:
        self._set_up = set_up
        self._content: bytes | None = None

    def copy_to(self, path: str | Path) -> None:
        """Put a copy at ``path``, unless a file is there by then. A kill leaves no file there, or a whole one.

        Raises:
            OSError: if it cannot be written, or the file system has no hard links; there is no file then.
        """
        if self._content is None:
            with tempfile.TemporaryDirectory() as folder:
                made = Path(folder) / "template.db"
                self._set_up(made)
                self._content = made.read_bytes()
        beside = Path(f"{path}.{uuid.uuid4().hex}.new")
        try:
            with beside.open("wb") as file:
                file.write(self._content)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(beside, path)
        finally:
            beside.unlink(missing_ok=True)
