"""Whether the code of a project has changed since a process loaded it: a digest of its files' names, sizes and times.

What counts is what definitions are made of: Python, YAML, SQL, TOML and `.env` below the project's root and below each
package that was loaded from outside of an installation. Packages of an installation count by their versions, which
change only with a new process of the deployment.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".py", ".yaml", ".yml", ".sql", ".toml", ".env")
PASSED_OVER = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "dist-packages"})
INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")
MOST_FILES = 20_000
"""Beyond it a look at the files costs more than it saves: the project is not kept loaded."""


class TooManyFiles(Exception):
    """A project whose files cannot be looked at before each run."""


def project_root(folder: Path) -> Path:
    """The nearest folder at or above ``folder`` with a pyproject.toml; ``folder`` itself if there is none."""
    for above in (folder, *folder.parents):
        if (above / "pyproject.toml").is_file():
            return above
    return folder


def roots_of_code(working_directory: Path) -> tuple[Path, ...]:
    """The folders whose files this process's definitions were made of; none lies within another."""
    installed = tuple(Path(sysconfig.get_path(name)).resolve() for name in INSTALLED)
    found = {project_root(working_directory.resolve())}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file.endswith(".py"):
            folder = Path(file).resolve().parent
            if not any(folder.is_relative_to(place) for place in installed):
                found.add(folder)
    return tuple(sorted(f for f in found if not any(f != other and f.is_relative_to(other) for other in found)))


@dataclass(frozen=True)
class CodeState:
    """A ``digest`` that changes with every file that is changed, added or removed, and when that was last."""

    digest: str
    newest_ns: int

    def was_changed_since(self, began_ns: int) -> bool:
        """Whether a file was changed since then. One of the future has another machine's time, and says nothing."""
        return began_ns <= self.newest_ns


def state_of_code(roots: Iterable[Path]) -> CodeState:
    """The state of the files below ``roots``.

    Raises:
        TooManyFiles: if there are more than MOST_FILES.
    """
    lines, newest, now = [], 0, time.time_ns()
    for root in roots:
        for path, status in _files(root):
            lines.append(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}")
            if status.st_ctime_ns <= now:
                newest = max(newest, status.st_ctime_ns)
            if len(lines) > MOST_FILES:
                raise TooManyFiles(f"there are more than {MOST_FILES:,} files of code below {root}")
    digest = hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()
    return CodeState(digest, newest)


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    folders, seen = [str(root)], set()
    while folders:
        folder = folders.pop()
        try:
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue  # a link to a folder that was looked at, or that this one lies in
            seen.add((status.st_dev, status.st_ino))
            entries = list(os.scandir(folder))
        except OSError:
            continue  # a folder that went away or may not be read holds no code that was loaded
        names = {entry.name for entry in entries}
        for entry in entries:
            if entry.name in PASSED_OVER or (entry.name.startswith(".") and entry.name != ".env"):
                continue
            if entry.name == "target" and "dbt_project.yml" in names:
                continue  # what dbt writes in each run
            try:
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.name.endswith(SUFFIXES):
                    yield entry.path, entry.stat()
            except OSError:
                continue
