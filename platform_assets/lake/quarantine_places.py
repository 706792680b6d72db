"""Where the quarantines of a lake lie: with the lake, or at a place of their own.

    <lake>/_quarantine/<feed>/<partition>/<ingestion>.jsonl      with the lake
    <place>/<feed>/<partition>/<ingestion>.jsonl                 at a place of their own

Records name a quarantine by its path below the lake or below the place. No feed's folder begins with ``_``, so the name
tells which of the two it is. What is in such a file is said in ``quarantine``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from platform_assets.failures import Kind
from platform_assets.lake.errors import IngestionError, RecordUnreadable
from platform_assets.lake.layout import QUARANTINE, sync_folder
from platform_assets.lake.names import escape
from platform_assets.lake.quarantine import QuarantinedRow, QuarantineWriter, read_rows
from platform_assets.stores.objects import Objects, is_url
from platform_assets.stores.scratch import scratch_folder

WITH_THE_LAKE = f"{QUARANTINE}/"
"""What the names of quarantines that lie with the lake begin with."""


class Place(Protocol):
    """A folder, or objects below a URL. Names are relative to it."""

    def __str__(self) -> str:
        """Where it is, for people."""
        ...

    def named(self, name: str) -> Path | str:
        """Where one quarantine is, for people."""
        ...

    def writer(self, name: str, scratch: Path) -> QuarantineWriter:
        """What writes a quarantine, in ``scratch`` where the place takes whole files only."""
        ...

    def keep(self, name: str, path: Path) -> None:
        """Make what a closed writer wrote to ``path`` durable under its name."""
        ...

    def listed(self, folder: str) -> dict[str, dt.datetime]:
        """The names below a folder, each with when it was written (UTC)."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove quarantines; those that are not there are left at that."""
        ...

    def rows(self, name: str, limit: int | None) -> list[QuarantinedRow]:
        """The first rows of a quarantine. Raises ``RecordUnreadable`` if it is gone or damaged."""
        ...


@dataclass(frozen=True)
class FolderPlace:
    """Quarantines below the folder ``root``."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    def named(self, name: str) -> Path:
        return self.root / name

    def writer(self, name: str, scratch: Path) -> QuarantineWriter:  # noqa: ARG002 - written where it stays
        path = self.root / name
        return QuarantineWriter(path.parent, path.stem)

    def keep(self, name: str, path: Path) -> None:  # noqa: ARG002 - it lies there already, and was synchronized
        sync_folder((self.root / name).parent)

    def listed(self, folder: str) -> dict[str, dt.datetime]:
        found: dict[str, dt.datetime] = {}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in (self.root / folder).iterdir():
                with contextlib.suppress(FileNotFoundError):
                    changed = dt.datetime.fromtimestamp(entry.stat().st_mtime, dt.UTC)
                    found[f"{folder}/{entry.name}"] = changed
        return found

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.root / name).unlink(missing_ok=True)

    def rows(self, name: str, limit: int | None) -> list[QuarantinedRow]:
        return read_rows(self.root / name, limit, self.root / name)


@dataclass(frozen=True)
class ObjectPlace:
    """Quarantines as ``objects`` below a URL."""

    objects: Objects

    def __str__(self) -> str:
        return str(self.objects)

    def named(self, name: str) -> str:
        return self.objects.named(name)

    def writer(self, name: str, scratch: Path) -> QuarantineWriter:
        return QuarantineWriter(scratch / "quarantine", Path(name).stem)

    def keep(self, name: str, path: Path) -> None:
        self.objects.upload(name, path)

    def listed(self, folder: str) -> dict[str, dt.datetime]:
        return {listed.key: listed.changed for listed in self.objects.listed(folder)}

    def remove(self, names: Iterable[str]) -> None:
        self.objects.delete(sorted(names))

    def rows(self, name: str, limit: int | None) -> list[QuarantinedRow]:
        with scratch_folder() as scratch:
            path = scratch / "rows"
            if not self.objects.fetch(name, path):
                raise RecordUnreadable(self.named(name), "it is gone")
            return read_rows(path, limit, self.named(name))


@dataclass(frozen=True)
class Quarantines:
    """All quarantines of a lake: those ``beside`` its partitions, and those at its ``own`` place, if it has one.

    New ones are written at the own place. Names lead to either, so a lake may be given a place later.
    """

    beside: Place
    own: Place | None = None

    def name_of(self, feed: str, partition: str, ingestion: str) -> str:
        """The name of a new quarantine."""
        prefix = WITH_THE_LAKE if self.own is None else ""
        return f"{prefix}{escape(feed)}/{escape(partition)}/{ingestion}.jsonl"

    def listed(self, feed: str, partition: str) -> dict[str, dt.datetime]:
        """The names of a partition's quarantines, named by a record or not, each with when it was written (UTC)."""
        folder = f"{escape(feed)}/{escape(partition)}"
        found = self.beside.listed(f"{WITH_THE_LAKE}{folder}")
        return found if self.own is None else {**found, **self.own.listed(folder)}

    def place_of(self, name: str) -> Place:
        """Where a quarantine lies. Raises ``QuarantineElsewhere`` if nobody says where that is."""
        if name.startswith(WITH_THE_LAKE):
            return self.beside
        if self.own is None:
            raise QuarantineElsewhere(name)
        return self.own

    def remove(self, names: Iterable[str]) -> None:
        """Remove quarantines; those that are not there are left at that."""
        for name in sorted(names):
            self.place_of(name).remove([name])


class QuarantineElsewhere(IngestionError):
    """A record names a quarantine at a place of its own, and no place is set."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: its rows lie in a quarantine at a place of its own, and none is set. Name that place with "
            "PLATFORM_QUARANTINE, quarantine of PlatformResources, or --quarantine",
            code="quarantine_place",
            kind=Kind.MISCONFIGURED,
        )


def open_place(location: str | Path) -> Place:
    """The place at ``location``, a folder or a URL of objects; nothing is looked at yet.

    Raises ``InvalidUrl`` for a URL that names no bucket.
    """
    if isinstance(location, str) and is_url(location):
        return ObjectPlace(Objects(location))
    return FolderPlace(Path(location))


def beside_folder(lake: Path) -> Quarantines:
    """The quarantines of a lake in a folder that has no place of their own for them."""
    return Quarantines(FolderPlace(lake))
