"""The packages of a dbt project, installed by `dbt deps` when the project names others than are there.

dbt removes all packages and installs them anew, in a process of its own here: it changes the folder that a process
works in. One process does it at a time, and what one that was killed has left is installed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from platform_assets.failures import Kind, PlatformError
from platform_assets.logs import logger

log = logger(__name__)

FILES = ("packages.yml", "dependencies.yml")
LOCK = "package-lock.yml"
STAMP = ".platform-assets"
"""A file among the packages: of which text of the project they are."""


class PackagesNotInstalled(PlatformError):
    """`dbt deps` has failed; the message has its last lines."""

    kind = Kind.INFRASTRUCTURE
    code = "dbt:packages"


@dataclass(frozen=True)
class Packages:
    """The packages of the dbt project in ``project``, in ``folder``; ``state`` is a folder of the platform for it."""

    project: Path
    folder: Path
    state: Path

    def install(self, environment: Mapping[str, str]) -> None:
        """Have the packages that the project names; where they are there already, nothing is run.

        Raises:
            PackagesNotInstalled: if `dbt deps` fails.
        """
        if not self._are_missing():
            return
        self.state.mkdir(parents=True, exist_ok=True)
        with FileLock(self.state / "packages.lock"):
            if not self._are_missing():
                return
            self._installing.touch()
            log.info("dbt deps: installing the packages of %s", self.project)
            self._run_deps(environment)
            self._stamp()
            self._installing.unlink()

    def _are_missing(self) -> bool:
        if not self._named():
            return False
        if self._installing.exists() or not self._locked() <= self._installed():
            return True
        stamp = self.folder / STAMP
        if not stamp.exists():
            # somebody ran `dbt deps`; a folder that cannot be written stays as it is
            with contextlib.suppress(OSError):
                self._stamp()
            return False
        return stamp.read_text(encoding="utf-8") != self._digest()

    def _named(self) -> bool:
        return any(self._words(name).get("packages") for name in FILES)

    def _locked(self) -> set[str]:
        """The packages that dbt found last; one that nothing is called, where it never looked."""
        found = self._words(LOCK).get("packages")
        return {str(each.get("name", "")) for each in found} if isinstance(found, list) else {""}

    def _installed(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()

    def _words(self, name: str) -> dict[str, Any]:
        try:
            words = yaml.safe_load((self.project / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            # what is no YAML is dbt's to report
            return {}
        return words if isinstance(words, dict) else {}

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name in FILES:
            path = self.project / name
            digest.update(path.read_bytes() if path.exists() else b"\0")
        return digest.hexdigest()

    def _stamp(self) -> None:
        (self.folder / STAMP).write_text(self._digest(), encoding="utf-8")

    @property
    def _installing(self) -> Path:
        return self.state / "packages.installing"

    def _run_deps(self, environment: Mapping[str, str]) -> None:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "dbt.cli.main", "--no-send-anonymous-usage-stats", "--no-use-colors"),
                *("--log-level-file", "none", "deps", "--project-dir", str(self.project)),
            ],
            capture_output=True,
            text=True,
            env=dict(environment),
            check=False,
        )
        if done.returncode != 0:
            said = " ".join((done.stdout + done.stderr).split())[-600:]
            raise PackagesNotInstalled(
                f"{self.project}: the packages that it names are not installed, and `dbt deps` failed: {said}"
            )
