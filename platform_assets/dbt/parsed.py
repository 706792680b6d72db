"""What dbt made of a project, kept on disk: one folder for each state of the files and of the environment.

A folder appears by one rename when it is complete and is never written again, so a reader needs no lock and no kill
leaves half of one. What dbt writes while it runs models lies elsewhere. Beside the two files of a parse stands which
environment variables dbt asked for, since their values belong to the state as much as the files do, and a digest of
each file, since a power cut may empty a file that was renamed into place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_assets.failpoints import failpoint

MANIFEST, PARSED, STAMP = "manifest.json", "partial_parse.msgpack", "stamp.json"
KEPT = 8
"""States that are kept, the latest used ones: a deployment uses one, two environments on one checkout use two."""


@dataclass(frozen=True)
class ParsedProject:
    """One complete parse. ``identity`` tells it from the parse of any other state."""

    identity: str
    manifest_json: bytes
    msgpack: bytes

    def manifest(self) -> dict[str, Any]:
        """The manifest as dbt writes it."""
        manifest: dict[str, Any] = json.loads(self.manifest_json)
        return manifest


def find(store: Path, files: str, variables: Mapping[str, str]) -> ParsedProject | None:
    """The parse of the files with the fingerprint ``files`` under ``variables``, if there is an intact one."""
    for folder in _complete(store / files):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            # a folder that is damaged, or cleaned away at this moment, is as good as none: dbt parses again
            stamp = json.loads((folder / STAMP).read_bytes())
            asked = {str(name): value for name, value in stamp["variables"].items()}
            if asked != {name: _digest_of_value(files, variables, name) for name in asked}:
                continue
            found = ParsedProject(folder.name, (folder / MANIFEST).read_bytes(), (folder / PARSED).read_bytes())
            if _digests(found) == stamp["digests"]:
                with contextlib.suppress(OSError):
                    # that it was used; an image or another owner's folder may not be touched
                    os.utime(folder)
                return found
    return None


def make(
    store: Path, files: str, variables: Mapping[str, str], parse: Callable[[Path], frozenset[str]]
) -> ParsedProject:
    """Keep what ``parse`` writes into the folder that it is given; it returns the variables that dbt asked for.

    To be called under a lock that keeps other makers off the store.
    """
    store.mkdir(parents=True, exist_ok=True)
    _clean(store)
    with tempfile.TemporaryDirectory(prefix=".", dir=store, ignore_cleanup_errors=True) as name:
        work = Path(name)
        asked = {name: _digest_of_value(files, variables, name) for name in sorted(parse(work))}
        identity = hashlib.sha256(json.dumps([files, asked]).encode()).hexdigest()[:20]
        made = ParsedProject(identity, (work / MANIFEST).read_bytes(), (work / PARSED).read_bytes())
        complete = work / "complete"
        complete.mkdir()
        for kept in (MANIFEST, PARSED):
            (work / kept).rename(complete / kept)
        # digests of values, secrets among them: nobody else has to see them
        descriptor = os.open(complete / STAMP, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as stamp:
            json.dump({"variables": asked, "digests": _digests(made)}, stamp)
        final = store / files / identity
        final.parent.mkdir(exist_ok=True)
        failpoint("dbt.parse.made")
        if final.exists():
            # it was found damaged; no reader takes it for intact
            final.rename(work / "damaged")
        failpoint("dbt.parse.before_rename")
        complete.rename(final)
        failpoint("dbt.parse.kept")
    return made


def _complete(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from sorted(folder.iterdir(), key=lambda path: path.name)


def _clean(store: Path) -> None:
    """Remove what killed makers left, and the states that have not been used for longest."""
    for left in store.glob(".*"):
        shutil.rmtree(left, ignore_errors=True)
    aged: list[tuple[float, Path]] = []
    for folder in store.glob("*/*"):
        with contextlib.suppress(FileNotFoundError):
            aged.append((folder.stat().st_mtime, folder))
    for _, folder in sorted(aged)[: -(KEPT - 1)]:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def _digests(parsed: ParsedProject) -> list[str]:
    return [hashlib.sha256(content).hexdigest() for content in (parsed.manifest_json, parsed.msgpack)]


def _digest_of_value(files: str, variables: Mapping[str, str], name: str) -> str | None:
    """None for a variable that is not set. The value itself may be a secret and is written nowhere."""
    value = variables.get(name)
    return None if value is None else hashlib.sha256(f"{files}:{name}:{value}".encode()).hexdigest()
