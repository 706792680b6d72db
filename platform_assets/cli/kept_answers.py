"""Answers of checks that found nothing wrong, kept for as long as nothing changes that they rest on.

`contract check` and `dbt sources --check` judge small files, and import DuckDB, sqlglot and the model of the standard
for it, which takes longer than all the rest. Both are run again and again over files that nobody has touched: before
each commit, in an editor, in CI. An answer rests on the words of the command, the files that it may read, the
`PLATFORM_` variables, and the code of this installation. One that is not there, or that cannot be read or written,
costs nothing but time.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, cast

from platform_assets.cli.places import DEFS, SOURCES

SUFFIXES = (".yaml", ".yml", ".sql", ".toml")
MOST = 200
"""Answers that are kept; the oldest make room."""


def answered(words: Sequence[str], answer: Callable[[], Any]) -> Any:
    """What ``answer`` returns or raises; or its output of last time on stdout, if that still holds."""
    if not _is_kept(words):
        return answer()
    try:
        file = _folder() / _question(words)
    except (OSError, ValueError):
        return answer()  # what is wrong with a path, the command says
    known = _read(file)
    if known is not None:
        sys.stdout.write(known)
        raise SystemExit(0)
    output = _Copied(sys.stdout)
    with contextlib.redirect_stdout(cast("TextIO", output)):
        try:
            return answer()
        except SystemExit as end:
            if not end.code:
                _write(file, output.copy.getvalue())
            raise


def _is_kept(words: Sequence[str]) -> bool:
    command = tuple(words[:2])
    if "--help" in words:
        return False
    # a comparison with an earlier version asks git, of which nothing is known here
    compares = any(word.startswith("--against") for word in words)
    return (command == ("contract", "check") and not compares) or (command == ("dbt", "sources") and "--check" in words)


def _question(words: Sequence[str]) -> str:
    """The digest of all that the answer rests on."""
    import hashlib

    digest = hashlib.sha256()

    def add(*parts: object) -> None:
        digest.update("\0".join(map(str, parts)).encode("utf-8", "surrogateescape") + b"\1")

    add(sys.version, Path.cwd(), *words)
    add(*(f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("PLATFORM_")))
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        status = path.stat()
        add(path, status.st_size, status.st_mtime_ns)
    import click

    # the versions of what is installed beside it
    add(*sorted(path.name for path in Path(click.__file__).parents[1].iterdir()))
    named = [Path(word.rpartition("=")[2]) for word in words[2:]]
    for root in [*named, DEFS, SOURCES] if words[0] == "dbt" else named:
        for path in _files(root):
            add(path, path.read_bytes().hex())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    """The files that a command may read below a folder, or beside a file."""
    if root.is_dir():
        found = root.rglob("*")
    elif root.is_file():
        yield root
        found = root.parent.glob("*")
    else:
        return
    yield from sorted(path for path in found if path.suffix.lower() in SUFFIXES and path.is_file())


class _Copied:
    """A stream that is written to as ever, and keeps a copy."""

    def __init__(self, stream: TextIO) -> None:
        self.copy, self._stream = io.StringIO(), stream

    def write(self, text: str) -> int:
        self.copy.write(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "platform-assets" / "answers"


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8") or None
    except (OSError, ValueError):
        return None


def _write(file: Path, text: str) -> None:
    if not text:
        return  # it went elsewhere
    # a folder that cannot be written keeps no answers, and changes none
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{uuid.uuid4().hex}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
        kept = sorted(file.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[:-MOST]:
            path.unlink(missing_ok=True)
