"""A dbt project on disk and its manifest, parsed again only when a file of the project has changed.

dbt takes seconds to import and to parse; a manifest that fits is read in milliseconds. What is run, and on which
partitions, is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from platform_assets.dbt.runner import run_dbt

_MANIFEST, _PARSED = "manifest.json", "partial_parse.msgpack"
_SUFFIXES = {".sql", ".yml", ".yaml", ".csv", ".py", ".md"}
_PASSED_OVER = {"target", "logs", "dbt_packages", ".venv", ".git"}


class DbtParseError(RuntimeError):
    """dbt cannot parse the project; the message is dbt's own, which names file and line."""


@dataclass(frozen=True)
class DbtProjectFiles:
    """Where a dbt project lies. ``target`` is the profile's own default if left out."""

    project_dir: Path
    profiles_dir: Path
    target: str | None = None

    @property
    def target_path(self) -> Path:
        """A folder within dbt's own target folder, which a `dbt build` by hand with another target does not touch."""
        target = self.project_dir / os.environ.get("DBT_TARGET_PATH", "target")
        return target / "platform_assets" / (self.target or "default")

    def arguments(self) -> list[str]:
        """What every dbt command on this project is given."""
        folders = {"--project-dir": self.project_dir, "--profiles-dir": self.profiles_dir}
        words = {**folders, "--target-path": self.target_path, **({"--target": self.target} if self.target else {})}
        return [str(word) for pair in words.items() for word in pair]

    def fingerprint(self) -> str:
        """Changes with the content of any file that dbt reads; not with a copy or a check-out of the same."""
        digest = hashlib.sha256(repr(self.target).encode())
        for path in sorted(set(self._files())):
            digest.update(os.path.relpath(path, self.project_dir).encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def _files(self) -> Iterator[Path]:
        for folder in [self.project_dir, *self._outside_macro_folders()]:
            for root, folders, names in os.walk(folder):
                folders[:] = [name for name in folders if name not in _PASSED_OVER]
                yield from (Path(root) / name for name in names if Path(name).suffix in _SUFFIXES)
        yield from (path for path in [self.profiles_dir / "profiles.yml"] if path.exists())

    def _outside_macro_folders(self) -> list[Path]:
        import yaml

        path = self.project_dir / "dbt_project.yml"
        if not path.exists():
            raise DbtParseError(f"{path} does not exist: `project` must name the folder of a dbt project")
        words = yaml.safe_load(path.read_text()) or {}
        folders = (self.project_dir / folder for folder in words.get("macro-paths", ["macros"]))
        return [folder for folder in folders if not folder.resolve().is_relative_to(self.project_dir.resolve())]

    def manifest(self) -> dict[str, Any]:
        """The manifest as dbt writes it, parsed first if the project has changed since.

        Raises:
            DbtParseError: if dbt cannot parse the project.
        """
        manifest: dict[str, Any] = json.loads(self._read(_MANIFEST))
        return manifest

    def parsed(self) -> bytes:
        """The same manifest in the form that dbt's runner takes."""
        return self._read(_PARSED)

    def _read(self, name: str) -> bytes:
        fingerprint = self.fingerprint()
        # another process may be parsing at this moment: nothing is read that it has half written
        self.target_path.mkdir(parents=True, exist_ok=True)
        with FileLock(self.target_path / "parse.lock"):
            stamp = self.target_path / "fingerprint"
            there = all((self.target_path / made).exists() for made in (stamp.name, _MANIFEST, _PARSED))
            if not there or stamp.read_text() != fingerprint:
                stamp.unlink(missing_ok=True)
                self._parse()
                if self.fingerprint() == fingerprint:  # else a file was changed meanwhile: the next one parses again
                    stamp.write_text(fingerprint)
            return (self.target_path / name).read_bytes()

    def _parse(self) -> None:
        result = run_dbt(["parse", "--quiet", "--no-partial-parse", *self.arguments()])
        if result.exception is not None or not result.success:
            raise DbtParseError(f"{self.project_dir}: dbt cannot parse the project: {result.exception}")
