"""The dg project that the working directory lies in, and where its `PlatformResources` says that things are.

An option of a command comes before all of this; then the variable of the place, then the component, then what the
environment says (``PLATFORM_HOME``). Dagster is imported only for a place that is written as a template.
"""

from __future__ import annotations

import os
import sys
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from platform_assets.environment import (
    QUARANTINE_VARIABLE,
    Environment,
    landing_location,
    place_location,
    quarantine_location,
    read_environment,
    warehouse_location,
)
from platform_assets.failures import first_cause

COMPONENT = "platform_assets.PlatformResources"
Place = Literal["landing", "lake", "warehouse", "quarantine"]


@dataclass(frozen=True)
class DgProject:
    """A dg project by its ``root``: the module below which its components lie, and that of its definitions."""

    root: Path
    defs_module: str
    definitions_module: str

    def importable(self) -> None:
        """Let its modules be imported although it is not installed."""
        sys.path[:0] = [str(folder) for folder in self._sources() if str(folder) not in sys.path]

    def components(self) -> Iterator[Path]:
        """Its defs.yaml files."""
        folder = self.defs_folder
        for path in sorted(folder.rglob("defs.yaml")):
            # Dagster passes hidden folders over
            if not any(part.startswith(".") for part in path.relative_to(folder).parts):
                yield path

    @property
    def defs_folder(self) -> Path:
        """The folder of its components."""
        return self._sources()[0].joinpath(*self.defs_module.split("."))

    def _sources(self) -> list[Path]:
        """The folders that its package may lie in; as dg has it, `src` is the only one where there is one."""
        source = self.root / "src"
        return [source] if source.is_dir() else [self.root]


def project_of(folder: Path) -> DgProject | None:
    """The dg project that ``folder`` lies in, by the pyproject.toml of it or of the nearest folder above.

    Raises click.ClickException if one of them is no TOML.
    """
    for root in (folder, *folder.parents):
        path = root / "pyproject.toml"
        if not path.is_file():
            continue
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise click.ClickException(f"{path}: {error}") from None
        project: Any = found
        for table in ("tool", "dg", "project"):
            project = project.get(table) if isinstance(project, dict) else None
        if isinstance(project, dict) and "root_module" in project:
            package = project["root_module"]
            return DgProject(
                root=root,
                defs_module=project.get("defs_module", f"{package}.defs"),
                definitions_module=project.get("code_location_target_module", f"{package}.definitions"),
            )
    return None


def chosen_warehouse() -> str:
    """Where the warehouse is, when no option says so: an absolute path, or a location that a package announces."""
    given = _place("warehouse", "PLATFORM_WAREHOUSE")
    if given is None:
        return chosen_environment().warehouse
    return warehouse_location(given.text, folder=given.root, name=f"warehouse in {given.file}")


def chosen_lake() -> str:
    """Where the lake is, when no option says so: an absolute path, or a URL of objects."""
    given = _place("lake", "PLATFORM_LAKE")
    if given is None:
        return chosen_environment().lake
    return place_location(given.text, folder=given.root, name=f"lake in {given.file}")


def chosen_landing() -> str:
    """Where files arrive: the absolute path of a folder, or a URL."""
    given = _place("landing", "PLATFORM_LANDING")
    if given is None:
        return chosen_environment().landing
    return landing_location(given.text, folder=given.root, name=f"landing in {given.file}")


def chosen_quarantine(lake: str) -> str | None:
    """Where the quarantine of the ``lake`` is, when no option says so; None if it lies with the lake."""
    given = _place("quarantine", QUARANTINE_VARIABLE)
    if given is None:
        text, folder, name = os.environ.get(QUARANTINE_VARIABLE), _root(), QUARANTINE_VARIABLE
    else:
        text, folder, name = given.text, given.root, f"quarantine in {given.file}"
    return quarantine_location(text, lake=lake, folder=folder, name=name)


def chosen_days() -> float | None:
    """How many days quarantined rows are kept, by PLATFORM_QUARANTINE_DAYS; None for no limit."""
    return chosen_environment().quarantine_days


def _root() -> Path:
    project = project_of(Path.cwd())
    return project.root if project is not None else Path.cwd()


def chosen_environment() -> Environment:
    """The environment as the project's own processes see it, which are started in its root."""
    return read_environment(os.environ, cwd=_root())


@dataclass(frozen=True)
class _Given:
    text: str
    root: Path
    file: Path


def _place(name: Place, variable: str) -> _Given | None:
    """What the project's component says of a place; None if the ``variable`` is set, or no component is there."""
    if os.environ.get(variable):
        return None
    project = project_of(Path.cwd())
    found = [*_components(project)] if project is not None else []
    if project is None or not found:
        return None
    if len(found) > 1:
        files = " and ".join(str(file) for file, _ in found)
        raise click.ClickException(f"{files}: both have the type {COMPONENT}, of which a project has one")
    ((file, attributes),) = found
    text = attributes.get(name)
    if text is None and name == "quarantine":
        return None
    if not isinstance(text, str) or not text:
        raise click.ClickException(f"{file}: attributes.{name} is not there, or no text")
    if "{{" in text or "{%" in text:
        text = _resolved(project, file, name)
    return _Given(text, project.root, file)


def _components(project: DgProject) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The files that have the component, with its attributes."""
    for file in project.components():
        text = file.read_text(encoding="utf-8")
        if COMPONENT not in text:
            continue
        import yaml

        try:
            documents = list(yaml.safe_load_all(text))
        except yaml.YAMLError as error:
            raise click.ClickException(f"{file}: {error}") from None
        for document in documents:
            if isinstance(document, dict) and document.get("type") == COMPONENT:
                attributes = document.get("attributes")
                yield file, attributes if isinstance(attributes, dict) else {}


def _resolved(project: DgProject, file: Path, name: Place) -> str:
    """The place as Dagster resolves it, by loading that component and no other."""
    import dagster as dg

    from platform_assets.components.platform_resources import PlatformResources

    project.importable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = dg.ComponentTree.for_project(project.root).load_component(file.parent)
        # a file of several documents is loaded as a whole
        found = [
            component for component in getattr(loaded, "components", [loaded]) if type(component) is PlatformResources
        ]
        return (found[0].quarantine or "") if name == "quarantine" else found[0].place(name)
    except Exception as error:
        last = first_cause(error)
        raise click.ClickException(
            f"{file}: attributes.{name} cannot be resolved here ({str(last) or type(last).__name__}); "
            f"mend that, or name the place with --{name} or PLATFORM_{name.upper()}"
        ) from error
