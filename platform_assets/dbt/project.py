"""A dbt project on disk: where it lies, what belongs to its state, and its parse, made anew when the state changed.

dbt takes seconds to import and to parse; a parse that fits is read in milliseconds. How it is kept is in ``parsed``;
what is run, and on which partitions, is decided elsewhere.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from platform_assets.dbt.asked_variables import AskedVariables
from platform_assets.dbt.packages import Packages
from platform_assets.dbt.parsed import ParsedProject, find, make
from platform_assets.dbt.runner import run_dbt
from platform_assets.failures import Kind, PlatformError
from platform_assets.logs import logger

log = logger(__name__)

_SUFFIXES = {".sql", ".yml", ".yaml", ".csv", ".py", ".md"}
_PASSED_OVER = {"target", "logs", ".venv", ".git", "__pycache__"}
_NOT_OF_THE_PARSE = {"DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_FULL_REFRESH"}
"""Variables of dbt itself that are given as arguments, or say nothing of the models; every other one counts."""

_seen: dict[DbtProjectFiles, Mapping[str, str]] = {}

TRIES = 5
"""How often a project that is changed while dbt parses it is parsed again."""


class DbtParseError(PlatformError):
    """dbt cannot parse the project; the message is dbt's own, which names file and line."""

    kind = Kind.MISCONFIGURED
    code = "dbt:parse"


@dataclass(frozen=True)
class DbtProjectFiles:
    """Where a dbt project lies. ``target`` is the profile's own default if left out.

    What is made of a copy that goes away is ``kept_in`` the target path of the project that it is a copy of.
    """

    project_dir: Path
    profiles_dir: Path
    target: str | None = None
    kept_in: Path | None = None

    @property
    def target_path(self) -> Path:
        """A folder within dbt's own target folder, which a `dbt build` by hand with another target does not touch.

        A target folder that the environment names for all projects has one for each.
        """
        if self.kept_in is not None:
            return self.kept_in
        target = Path(os.environ.get("DBT_TARGET_PATH", "target"))
        own = self.project_dir / target / "platform_assets"
        if target.is_absolute():
            own /= hashlib.sha256(os.fsencode(self.project_dir)).hexdigest()[:12]
        return own / (self.target or "default")

    def arguments(self, target_path: Path | None = None) -> list[str]:
        """What every dbt command on this project is given; it writes below ``target_path``."""
        folders = {"--project-dir": self.project_dir, "--profiles-dir": self.profiles_dir}
        words: dict[str, object] = {**folders, "--target-path": target_path or self.target_path}
        if self.target:
            words["--target"] = self.target
        return [str(word) for pair in words.items() for word in pair]

    def parsed(self, environment: Mapping[str, str] | None = None) -> ParsedProject:
        """The parse of the project as it is now, made first if there is none of this state.

        ``environment`` holds variables that are set besides those of this process, as they will be for the run.

        Raises:
            DbtParseError: if dbt cannot parse the project.
            PackagesNotInstalled: if packages that it names are missing, and `dbt deps` cannot install them.
        """
        more = dict(environment or {})
        variables = {**os.environ, **more}
        store = self.target_path / "parsed"
        if self.kept_in is None:
            _seen[self] = more
        found = self.found(more)
        if found is not None:
            return found
        store.mkdir(parents=True, exist_ok=True)
        with _one_parse_at_a_time(self.target_path / "parse.lock"):
            self._packages.install(variables)
            for attempt in range(1, TRIES + 1):
                # another process may have made it while this one waited
                fingerprint = self.fingerprint(variables)
                found = find(store, fingerprint, variables)
                if found is not None:
                    return found
                try:
                    made = make(store, fingerprint, variables, lambda folder: self._parse(folder, more))
                except (DbtParseError, FileNotFoundError):
                    if self.fingerprint(variables) == fingerprint or attempt == TRIES:
                        raise
                    continue
                if self.fingerprint(variables) == fingerprint:
                    return made
        raise DbtParseError(f"{self.project_dir}: the project was changed each time that dbt parsed it; try again")

    @property
    def _packages(self) -> Packages:
        folder = self.project_dir / str(self._words().get("packages-install-path", "dbt_packages"))
        state = self.target_path.parent if self.kept_in is None else self.project_dir / "target"
        return Packages(self.project_dir, folder, state)

    def found(self, environment: Mapping[str, str]) -> ParsedProject | None:
        """The parse of the project as it is now, if there is one already."""
        variables = {**os.environ, **environment}
        return find(self.target_path / "parsed", self.fingerprint(variables), variables)

    def fingerprint(self, variables: Mapping[str, str] | None = None) -> str:
        """Changes with any file that dbt reads, its versions and its own variables; not with a copy of the project."""
        values = os.environ if variables is None else variables
        digest = hashlib.sha256(repr((self.target, _versions())).encode())
        for name in sorted(name for name in values if name.startswith("DBT_") and name not in _NOT_OF_THE_PARSE):
            digest.update(f"{name}={values[name]}\0".encode())
        for path in sorted(set(self._files())):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # a link to nowhere, or a file that was taken away since it was listed
            digest.update(f"{os.path.relpath(path, self.project_dir)}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()

    def _files(self) -> Iterator[Path]:
        seen: set[str] = set()
        for folder in [self.project_dir, *self._folders_outside()]:
            # local packages are links in the folder of packages, and may lie anywhere
            for root, folders, names in os.walk(folder, followlinks=True):
                real = os.path.realpath(root)
                folders[:] = [] if real in seen else [name for name in folders if name not in _PASSED_OVER]
                if real not in seen:
                    yield from (Path(root) / name for name in names if Path(name).suffix in _SUFFIXES)
                seen.add(real)
        yield from (path for path in [self.profiles_dir / "profiles.yml"] if path.exists())

    def _folders_outside(self) -> list[Path]:
        """Folders that dbt_project.yml names and that do not lie in the project: paths of models, macros, packages."""
        words = self._words()
        named = [folder for key, value in words.items() if str(key).endswith("-paths") for folder in value or []]
        named += [value for key, value in words.items() if key == "packages-install-path"]
        folders = [self.project_dir / str(folder) for folder in named]
        return [folder for folder in folders if not folder.resolve().is_relative_to(self.project_dir.resolve())]

    def _words(self) -> dict[str, Any]:
        path = self.project_dir / "dbt_project.yml"
        if not path.exists():
            raise DbtParseError(f"{path} does not exist: `project` must name the folder of a dbt project")
        try:
            words = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise DbtParseError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
        return words if isinstance(words, dict) else {}

    def _parse(self, folder: Path, environment: Mapping[str, str]) -> frozenset[str]:
        asked, errors = AskedVariables(), list[str]()

        def note(event: Any) -> None:
            if event.info.level == "error":
                errors.append(event.info.msg)

        # with its statistics dbt writes a file beside the profile
        options = ["--quiet", "--no-partial-parse", "--no-send-anonymous-usage-stats"]
        command = ["parse", *options, *self.arguments(folder)]
        result = run_dbt(command, environment=environment, callbacks=[asked, note])
        if result.exception is not None or not result.success:
            # some exceptions say only that something is wrong
            words = str(result.exception)
            said = " ".join(" ".join([words, *(each for each in errors if words not in each)]).split())
            raise DbtParseError(f"{self.project_dir}: dbt cannot parse the project: {said}")
        return frozenset(asked.names)


def projects_seen() -> list[tuple[DbtProjectFiles, Mapping[str, str]]]:
    """The projects whose parse this process has asked for, each with the variables that were set for it."""
    return list(_seen.items())


@contextmanager
def _one_parse_at_a_time(path: Path) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        log.info("waiting for another process that parses the dbt project (%s)", path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@functools.cache
def _versions() -> list[tuple[str, str]]:
    """dbt and its adapters: another version may make another parse of the same files."""
    return sorted({(d.name, d.version) for d in distributions() if (d.name or "").startswith("dbt")})
