"""The text of a YAML file of a project, and reading such a file once for as long as it is the same."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from platform_assets.contracts.problems import Findings

T = TypeVar("T")


def text_of(path: Path, findings: Findings) -> str | None:
    """The text of a file; None, and a problem, if it cannot be read. Raises FileNotFoundError where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except OSError as error:
        findings.problem((), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        findings.problem((), "cannot be read: is not UTF-8 text")
    return None


def while_unchanged(read: Callable[[Path], T]) -> Callable[[Path | None], T | None]:
    """``read``, called anew for a file that has changed alone. It gives None where there is no file."""
    kept = functools.lru_cache(maxsize=8)(lambda path, *_: read(path))

    def found(path: Path | None) -> T | None:
        try:
            seen = path.stat() if path is not None else None
        except (FileNotFoundError, NotADirectoryError):
            seen = None
        return None if seen is None else kept(path, seen.st_mtime_ns, seen.st_size, seen.st_ino)

    return found
