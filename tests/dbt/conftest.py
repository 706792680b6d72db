"""A shop that has been parsed once and is copied: tests change a day's data, or a file of the dbt project."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.dbt.project import DbtProjectFiles
from tests.support.projects import Project, opened
from tests.support.shop import write_shop


@pytest.fixture(name="parsed", scope="session")
def _parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("parsed") / "shop"
    write_shop(root)
    DbtProjectFiles(root / "dbt", root / "dbt").parsed()
    return root


@pytest.fixture(name="shop")
def _shop(parsed: Path, tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "shop"
    shutil.copytree(parsed, root)  # with what dbt has parsed: a copy is not parsed again
    with opened(root) as project:
        yield project
