"""A dbt project as it was at a git revision, in a temporary folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import yaml

from platform_assets.cli.dbt_project import PROJECT
from platform_assets.cli.revisions import Base, check_out, is_at, text_at
from platform_assets.dbt.packages import FILES, LOCK, STAMP
from platform_assets.dbt.project import DbtProjectFiles

INSTALLED = "dbt_packages"


@contextmanager
def project_at(files: DbtProjectFiles, root: Path, base: Base) -> Iterator[DbtProjectFiles]:
    """The project of ``files``, which lies in the repository ``root``, as it was at ``base``.

    Folders of the repository that it names outside of it are there too, and its packages where it names those of today.
    What is made of it is kept in the target folder of ``files``. Raises click.ClickException if it was not there.
    """
    relative = files.project_dir.relative_to(root)
    text = text_at(files.project_dir / PROJECT, base.commit)
    if text is None:
        raise click.ClickException(
            f"{relative / PROJECT} is not in {base.commit[:8]} ({base.chosen}): there is no earlier state of the "
            "project; name a revision that has it with --against"
        )
    words = _words(text)
    outside = [folder for key, value in words.items() if str(key).endswith("-paths") for folder in value or []]
    folders = [files.project_dir, files.profiles_dir, *((files.project_dir / str(each)).resolve() for each in outside)]
    installed = str(words.get("packages-install-path", INSTALLED))
    packages = _packages(files.project_dir / installed)
    wanted = [folder.relative_to(root) for folder in [*folders, *packages.values()] if folder.is_relative_to(root)]
    paths = [path for path in dict.fromkeys(str(each) for each in wanted) if is_at(root, base.commit, path)]
    with tempfile.TemporaryDirectory(prefix="platform-assets-plan-") as name:
        copy = Path(name).resolve() / "tree"
        check_out(root, base.commit, paths, copy)
        if _same_packages(files.project_dir, copy / relative):
            then = {name: _then(package, root, copy) for name, package in packages.items()}
            _link_packages(then, files.project_dir, copy / relative, installed)
        profiles = files.profiles_dir
        if profiles.is_relative_to(root) and (copy / profiles.relative_to(root) / "profiles.yml").exists():
            profiles = copy / profiles.relative_to(root)
        yield replace(files, project_dir=copy / relative, profiles_dir=profiles, kept_in=files.target_path)


def _words(text: str) -> dict[str, Any]:
    """The words of dbt_project.yml; none of what is no YAML, which dbt reports."""
    try:
        words = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return words if isinstance(words, dict) else {}


def _then(package: Path, root: Path, copy: Path) -> Path:
    """A local package as it was; one of elsewhere, or of no earlier state, as it is."""
    then = copy / package.relative_to(root) if package.is_relative_to(root) else package
    return then if then.exists() else package


def _packages(folder: Path) -> dict[str, Path]:
    """The installed packages by name; those of a local folder are links to it."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {each.name: each.resolve() for each in found if each.is_dir()}


def _same_packages(project: Path, copy: Path) -> bool:
    """Whether both states name the same packages; others are installed for the earlier one when it is parsed."""

    def named(folder: Path) -> list[bytes]:
        return [(folder / name).read_bytes() for name in FILES if (folder / name).exists()]

    return named(project) == named(copy)


def _link_packages(packages: Mapping[str, Path], project: Path, copy: Path, installed: str) -> None:
    (copy / installed).mkdir(parents=True, exist_ok=True)
    for name, package in packages.items():
        place = copy / installed / name
        if not place.exists():
            place.symlink_to(package)
    # what says which packages these are: no link, as it may be written
    for path in (Path(installed) / STAMP, Path(LOCK)):
        if (project / path).is_file() and not (copy / path).exists():
            shutil.copyfile(project / path, copy / path)
