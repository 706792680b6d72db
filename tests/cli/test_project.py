"""Commands in somebody else's dg project find the lake and the warehouse that its `PlatformResources` names."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from platform_assets.cli.main import main
from platform_assets.cli.project import chosen_lake, chosen_warehouse, project_of
from tests.support.projects import RESOURCES, write_project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(name="root")
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / "project"
    write_project(root, {})
    for name in [name for name in os.environ if name.startswith("PLATFORM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(root)
    monkeypatch.setattr("sys.path", [*sys.path])
    yield root
    for name in [name for name in sys.modules if name.split(".")[0] == "somebody"]:
        del sys.modules[name]


def says(root: Path, text: str, path: str = "platform/defs.yaml") -> None:
    (root / "somebody" / "defs" / path).parent.mkdir(parents=True, exist_ok=True)
    (root / "somebody" / "defs" / path).write_text(text)


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_the_places_of_the_component_are_taken_from_the_projects_root(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "somebody" / "defs")
    assert chosen_lake() == str(root / "data" / "lake")
    assert chosen_warehouse() == str(root / "data" / "warehouse.duckdb")
    assert f"{root}/data/warehouse.duckdb does not exist" in call("ledger", "show", "raw/t").output
    assert f"{root}/data/lake: there is no lake here" in call("quarantine", "list").output


def test_a_project_in_src_is_found(root: Path) -> None:
    (root / "src").mkdir()
    (root / "somebody").rename(root / "src" / "somebody")
    assert chosen_lake() == str(root / "data" / "lake")


def test_a_variable_comes_first_and_an_option_before_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_WAREHOUSE", "other.duckdb")
    monkeypatch.setenv("PLATFORM_LAKE", "")
    assert chosen_warehouse() == str(root / "other.duckdb")
    assert chosen_lake() == str(root / "data" / "lake"), "a variable that is empty says nothing"
    assert "given.duckdb does not exist" in call("ledger", "show", "raw/t", "--warehouse", "given.duckdb").output


def test_without_the_component_or_a_project_it_is_what_the_environment_says(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "somebody" / "defs" / "platform" / "defs.yaml").unlink()
    for folder in (root, root.parent, ROOT):
        monkeypatch.chdir(folder)
        assert chosen_lake() == str(root.parent / "home" / "lake")
        assert chosen_warehouse() == str(root.parent / "home" / "warehouse.duckdb")


@pytest.mark.parametrize("beside", ["", "---\ntype: dagster.DefsFolderComponent\n"])
def test_a_template_is_what_dagster_makes_of_it(root: Path, monkeypatch: pytest.MonkeyPatch, beside: str) -> None:
    says(root, RESOURCES.replace("data/lake", '"{{ env.SHOP_LAKE }}/lake"') + beside)
    says(root, "type: platform_assets.FileFeed\nattributes: {nonsense: 1}\n", "orders/defs.yaml")
    monkeypatch.setenv("SHOP_LAKE", "/volumes/shop")
    assert chosen_lake() == "/volumes/shop/lake"
    assert chosen_warehouse() == str(root / "data" / "warehouse.duckdb")


def test_a_template_that_cannot_be_resolved_is_reported_with_what_to_do(root: Path) -> None:
    says(root, RESOURCES.replace("data/lake", '"{{ env.NOT_SET_ANYWHERE }}"'))
    result = call("quarantine", "list")
    assert result.exit_code == 1
    assert "attributes.lake cannot be resolved here" in result.output
    assert "is the variable set" in result.output
    assert "--lake or PLATFORM_LAKE" in result.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: platform_assets.PlatformResources\n", "attributes.lake is not there"),
        (
            "type: platform_assets.PlatformResources\nattributes: {lake: 3}\n",
            "attributes.lake is not there, or no text",
        ),
        ("type: platform_assets.PlatformResources\nattributes: {lake: [\n", "expected the node content"),
    ],
)
def test_a_component_that_says_nothing_usable_is_named(root: Path, text: str, message: str) -> None:
    says(root, text)
    result = call("quarantine", "list")
    assert (result.exit_code, message in result.output) == (1, True), result.output
    assert "platform/defs.yaml" in result.output


def test_two_components_are_one_too_many(root: Path) -> None:
    says(root, RESOURCES, "second/defs.yaml")
    result = call("ledger", "show", "raw/t")
    assert "second/defs.yaml: both have the type" in result.output


def test_an_unknown_scheme_is_named_with_its_file(root: Path) -> None:
    says(root, RESOURCES.replace("data/warehouse.duckdb", "nobody://secret"))
    result = call("ledger", "show", "raw/t")
    assert result.exit_code == 1
    assert "platform/defs.yaml begins with nobody://" in result.output
    assert "secret" not in result.output


def test_a_pyproject_that_is_no_toml_is_named(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool")
    assert "pyproject.toml: " in call("quarantine", "list").output


def test_the_nearest_project_is_the_one(root: Path) -> None:
    inner = root / "inner"
    write_project(inner, {})
    (inner / "other" / "pyproject.toml").parent.mkdir()
    (inner / "other" / "pyproject.toml").write_text("[project]\nname = 'no dg project'\n")
    found = project_of(inner / "other")
    assert found is not None
    assert found.root == inner
