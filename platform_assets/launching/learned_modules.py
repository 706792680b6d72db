"""The modules that runs of a code location have imported: imported for later ones, and remembered in a file."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from platform_assets.launching.fork_safety import ForkSafety
from platform_assets.logs import logger

log = logger(__name__)


class LearnedModules:
    """Names of modules in the file ``path``, one a line; ``-name`` is one that a process that forks must not import."""

    def __init__(self, path: Path, safety: ForkSafety) -> None:
        self._path = path
        self._safety = safety

    def import_remembered(self) -> None:
        """Import what earlier runs imported."""
        names = self._remembered()
        self._import(sorted(name for name in names if not name.startswith("-") and f"-{name}" not in names))

    def learn(self, names: Iterable[str]) -> None:
        """Import modules that a run has imported, and remember them."""
        if imported := self._import(names):
            self._remember(imported)

    def _import(self, names: Iterable[str]) -> list[str]:
        """Import what can be; the names of those that were, and as ``-name`` of one that made this process unsafe.

        After that one this process forks no more, and the next one leaves it out.
        """
        imported: list[str] = []
        for name in names:
            if not name or name in sys.modules:
                continue
            try:
                importlib.import_module(name)
            except (Exception, SystemExit) as error:
                # one that only exists within a run, or is made by hand: runs go on importing it themselves
                log.debug("%s is not imported for later runs (%s)", name, type(error).__name__)
                continue
            if self._safety.reason_against_forking() is not None:
                return [*imported, f"-{name}"]
            imported.append(name)
        return imported

    def _remembered(self) -> set[str]:
        """The lines of the file that earlier such processes wrote."""
        try:
            return set(self._path.read_text().split("\n")) - {""}
        except OSError:
            return set()

    def _remember(self, names: list[str]) -> None:
        beside = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text("\n".join(sorted({*self._remembered(), *names})))
            beside.rename(self._path)
        except OSError as error:
            log.warning("what runs import is not remembered: %s", error.strerror)
