"""Which changes of a project's files are seen before a run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from platform_assets.launching import code_state
from platform_assets.launching.code_state import TooManyFiles, project_root, state_of_code


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path in ("pyproject.toml", "shop/defs/orders/contract.yaml", "shop/data/load.py", "dbt/dbt_project.yml"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("one\n")
    return root


SEEN: dict[str, Callable[[Path], object]] = {
    "a changed file": lambda root: (root / "shop/data/load.py").write_text("another\n"),
    "a new file": lambda root: (root / "shop/defs/new.sql").write_text(""),
    "a removed file": lambda root: (root / "shop/defs/orders/contract.yaml").unlink(),
    "a renamed folder": lambda root: (root / "shop/defs/orders").rename(root / "shop/defs/sales"),
    "a setting": lambda root: (root / ".env").write_text("A=1\n"),
}
NOT_SEEN: dict[str, Callable[[Path], object]] = {
    "what dbt writes": lambda root: (root / "dbt/target/run.sql").write_text("select 1"),
    "a delivery": lambda root: (root / "shop/data/2024-01-01.csv").write_text("a\n"),
    "the environment": lambda root: (root / ".venv/module.py").write_text(""),
}


@pytest.mark.parametrize("change", [*SEEN, *NOT_SEEN])
def test_what_definitions_are_made_of_is_seen(root: Path, change: str) -> None:
    for folder in ("dbt/target", ".venv"):
        (root / folder).mkdir()
    before = state_of_code([root])
    assert state_of_code([root]) == before
    (SEEN | NOT_SEEN)[change](root)
    assert (state_of_code([root]).digest != before.digest) == (change in SEEN)


def test_links_are_followed_once(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "shared"
    elsewhere.mkdir()
    (elsewhere / "shared.py").write_text("one\n")
    (root / "shop/shared").symlink_to(elsewhere)
    (root / "shop/self").symlink_to(root)
    before = state_of_code([root])
    (elsewhere / "shared.py").write_text("another\n")
    assert state_of_code([root]).digest != before.digest


def test_a_project_of_too_many_files_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_state, "MOST_FILES", 2)
    with pytest.raises(TooManyFiles, match="more than 2 files"):
        state_of_code([root])


def test_the_root_is_where_the_project_is_declared(root: Path, tmp_path: Path) -> None:
    assert project_root(root / "shop" / "defs") == root
    apart = tmp_path / "apart"
    apart.mkdir()
    assert project_root(apart) == apart or (project_root(apart) / "pyproject.toml").is_file()
