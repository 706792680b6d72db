"""A project made as docs/own_project.md says, for tests that carry out commands of the documentation."""

import os
import re
import sys
from pathlib import Path

from tests.support.projects import DEFINITIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "own_project.md"
CREATED = """\
[project]
name = "shop"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "shop"
registry_modules = ["shop.components.*"]
"""
"""What `create-dagster project shop` writes that dg reads."""


def commands(text: str) -> list[str]:
    """The blocks of commands in a page or a part of it."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def section(text: str, title: str) -> str:
    """The part of a page below a heading of the second level."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def write_created(root: Path) -> None:
    """What `create-dagster project shop` leaves in ``root``."""
    source = root / "src" / "shop"
    (source / "defs").mkdir(parents=True)
    (root / "tests").mkdir()
    (source / "definitions.py").write_text(DEFINITIONS)
    (root / "pyproject.toml").write_text(CREATED)


def environment(root: Path, *packages: Path) -> dict[str, str]:
    """The environment of somebody in the project, with ``packages`` before what is installed."""
    foreign = ("DAGSTER", "PLATFORM", "DBT", "PYTHON", "PYTEST")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": ":".join(map(str, [*packages, root / "src"])),
        "COLUMNS": "200",
    }
