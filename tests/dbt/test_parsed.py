"""The parse that is kept: of this very state of files and environment, complete, or made anew."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_assets.dbt.parsed import MANIFEST, PARSED, STAMP
from platform_assets.dbt.project import DbtParseError, DbtProjectFiles
from tests.support.campaigns import pairs

PROJECT = """\
name: shop
profile: shop
model-paths: [models]
macro-paths: [macros, ../shared_macros]
vars: {colour: red}
models:
  shop:
    +tags: "{{ env_var('IN_PROJECT', 'none') }}"
"""
PROFILE = """\
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: w.duckdb, schema: "{{ env_var('IN_PROFILE', 'dev') }}"}
    prod: {type: duckdb, path: other_name.duckdb, schema: prod}
"""
FILES = {
    "dbt/dbt_project.yml": PROJECT,
    "dbt/profiles.yml": PROFILE,
    "dbt/packages.yml": "packages:\n  - local: ../package\n",
    "dbt/macros/naming.sql": "{% macro colour() %}{{ return(env_var('IN_' ~ 'MACRO', 'none')) }}{% endmacro %}\n",
    "dbt/models/a.sql": "{{ config(meta={'m': env_var('IN_MODEL', 'none'), 'c': colour(), 'v': var('colour')}) }}"
    " select 1 as one",
    "dbt/models/a.yml": "models: [{name: a, description: \"{{ env_var('IN_SCHEMA', 'none') }}\"}]\n",
    "shared_macros/shared.sql": "{% macro shared() %}1{% endmacro %}\n",
    "package/dbt_project.yml": "name: package\nversion: '1.0.0'\n",
    "package/models/p.sql": "select 1 as one",
}


@pytest.fixture(name="root", scope="module")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("parsed")
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    # as `dbt deps` leaves a local package
    (root / "dbt" / "dbt_packages").mkdir()
    (root / "dbt" / "dbt_packages" / "package").symlink_to(root / "package")
    return root


@pytest.fixture(name="project")
def _project(root: Path) -> DbtProjectFiles:
    return DbtProjectFiles(root / "dbt", root / "dbt")


def node(project: DbtProjectFiles, environment: dict[str, str] | None = None) -> dict[str, object]:
    found = project.parsed(environment).manifest()["nodes"]["model.shop.a"]
    meta = found["config"]["meta"]
    return {"schema": found["schema"], "tags": found["tags"], "about": found["description"], **meta}


PLAIN = {"schema": "dev", "tags": ["none"], "about": "none", "m": "none", "c": "none", "v": "red"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "changed"),
    [
        ("IN_PROFILE", {"schema": "other"}),
        ("IN_PROJECT", {"tags": ["other"]}),
        ("IN_MODEL", {"m": "other"}),
        ("IN_MACRO", {"c": "other"}),
        ("IN_SCHEMA", {"about": "other"}),
    ],
)
def test_a_variable_that_dbt_asks_for_belongs_to_the_state(
    project: DbtProjectFiles, variable: str, changed: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert node(project) == PLAIN
    assert node(project, {variable: "other"}) == {**PLAIN, **changed}
    assert node(project) == PLAIN
    monkeypatch.setenv(variable, "other")
    assert node(project) == {**PLAIN, **changed}


def test_the_target_that_the_environment_names_belongs_to_the_state(
    project: DbtProjectFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.parsed().manifest()["nodes"]["model.shop.a"]["database"] == "w"
    monkeypatch.setenv("DBT_TARGET", "prod")
    assert node(project)["schema"] == "prod"
    assert project.parsed().manifest()["nodes"]["model.shop.a"]["database"] == "other_name"


QUICK = {"dbt/profiles.yml", "dbt/models/a.yml", "dbt/macros/naming.sql", "package/models/p.sql"}
"""Files of which each stands for its kind in the default tests."""


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=() if path in QUICK else pytest.mark.slow) for path in FILES]
)
def test_a_changed_file_is_parsed_again_and_a_touched_one_is_not(
    project: DbtProjectFiles, root: Path, path: str
) -> None:
    before = project.parsed().identity
    file = root / path
    text = file.read_text()
    file.write_text(text)
    assert project.parsed().identity == before
    try:
        file.write_text(text + ("\n# a comment\n" if path.endswith("yml") else "\n-- a comment\n"))
        assert project.parsed().identity != before
    finally:
        file.write_text(text)
    assert project.parsed().identity == before


def empty(file: Path) -> None:
    file.write_bytes(b"")


def tear(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def change(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize(("name", "how"), pairs([MANIFEST, PARSED, STAMP], [empty, tear, change, Path.unlink]))
def test_a_damaged_parse_is_made_anew(project: DbtProjectFiles, name: str, how: Callable[[Path], None]) -> None:
    whole = project.parsed()
    folders = [folder for folder in project.target_path.glob("parsed/*/*") if folder.name == whole.identity]
    (folder,) = folders
    how(folder / name)
    assert node(project) == PLAIN
    again = project.parsed()
    assert again.identity == whole.identity
    assert (folder / MANIFEST).read_bytes() == again.manifest_json


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dbt.parse.made", "dbt.parse.before_rename", "dbt.parse.kept"])
def test_a_kill_while_dbt_parses_leaves_no_half_of_it(project: DbtProjectFiles, root: Path, name: str) -> None:
    code = (
        "import sys; from pathlib import Path; from platform_assets.failpoints import arm_from_environment\n"
        "from platform_assets.dbt.project import DbtProjectFiles\n"
        "arm_from_environment()\n"
        "DbtProjectFiles(Path(sys.argv[1]), Path(sys.argv[1])).parsed({'IN_MODEL': sys.argv[2]})\n"
    )
    words = [sys.executable, "-c", code, str(root / "dbt"), name]
    killed = subprocess.run(words, env={"PLATFORM_FAILPOINTS": f"{name}=kill", "PATH": ""}, check=False)
    assert killed.returncode == -9
    assert node(project, {"IN_MODEL": name}) == {**PLAIN, "m": name}
    node(project, {"IN_MODEL": f"after {name}"})
    assert list(project.target_path.glob("parsed/.*")) == [], "the next parse removes what the killed one left"


@pytest.mark.parametrize("code", [errno.EPERM, errno.EROFS])
def test_a_parse_that_may_not_be_touched_is_used_all_the_same(
    project: DbtProjectFiles, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an image that was baked with it, or in the folder of another user."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    identity = project.parsed().identity
    monkeypatch.setattr("platform_assets.dbt.parsed.os.utime", refuse)
    monkeypatch.setattr("platform_assets.dbt.project.run_dbt", refuse)
    assert project.parsed().identity == identity


def test_what_stands_for_values_is_for_its_owner_alone(project: DbtProjectFiles) -> None:
    secret = "not-a-real-secret-1"
    project.parsed({"IN_MODEL": secret})
    stamps = list(project.target_path.glob("parsed/*/*/stamp.json"))
    assert stamps
    assert all(stat.S_IMODE(stamp.stat().st_mode) == 0o600 for stamp in stamps)
    assert not any(secret in stamp.read_text() for stamp in stamps)


def test_a_project_that_cannot_be_parsed_says_so_and_keeps_nothing(project: DbtProjectFiles, root: Path) -> None:
    model = root / "dbt" / "models" / "broken.sql"
    model.write_text("select {{ ref('nowhere') }}")
    try:
        with pytest.raises(DbtParseError, match="nowhere"):
            project.parsed()
    finally:
        model.unlink()
    assert node(project) == PLAIN


@pytest.mark.slow
def test_old_states_are_removed_and_the_one_in_use_is_not(
    project: DbtProjectFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform_assets.dbt.parsed.KEPT", 2)
    used = project.parsed().identity
    for number in range(3):
        node(project, {"IN_MODEL": str(number)})
        assert project.parsed().identity == used
        kept = [folder.name for folder in project.target_path.glob("parsed/*/*")]
        assert used in kept
        assert len(kept) == 2
