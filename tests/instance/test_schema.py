"""Files of Dagster's with their tables, and copies of an empty one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from platform_assets.instance import schema
from platform_assets.instance.schema import Template, is_set_up
from tests.instance.support import answers, instance, materialize


def make(path: Path, *, version: bool = True, table: bool = True) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        if version:
            connection.execute("INSERT INTO alembic_version VALUES ('1')")
        if table:
            connection.execute("CREATE TABLE things (i INTEGER)")
    connection.close()


def test_a_file_is_set_up_with_its_table_and_a_version(tmp_path: Path) -> None:
    make(tmp_path / "whole.db")
    make(tmp_path / "no_version.db", version=False)
    make(tmp_path / "no_table.db", table=False)
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("not a database, but longer than the header of one\n" * 40)
    assert is_set_up(tmp_path / "whole.db", "things")
    assert not any(
        is_set_up(tmp_path / f"{name}.db", "things") for name in ("no_version", "no_table", "empty", "text", "none")
    )
    assert not (tmp_path / "none.db").exists()


def test_a_template_is_set_up_once_and_copied(tmp_path: Path) -> None:
    calls: list[Path] = []

    def set_up(path: Path) -> None:
        calls.append(path)
        make(path)

    template = Template(set_up)
    for i in range(3):
        template.copy_to(tmp_path / f"{i}.db")
        assert is_set_up(tmp_path / f"{i}.db", "things")
    assert len(calls) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.db", "1.db", "2.db"]


def test_a_file_that_another_process_has_made_meanwhile_stays(tmp_path: Path) -> None:
    template = Template(make)
    (tmp_path / "taken.db").write_text("another's")
    template.copy_to(tmp_path / "taken.db")
    assert (tmp_path / "taken.db").read_text() == "another's"
    assert [path.name for path in tmp_path.iterdir()] == ["taken.db"]


def test_a_run_has_its_log_where_no_file_can_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance(tmp_path, "quick") as on:
        before = answers(on, materialize(on))["events"]

        def none(*_: object) -> None:
            raise PermissionError(1, "no hard links here")

        monkeypatch.setattr(schema.os, "link", none)
        run = materialize(on)
        assert answers(on, run)["events"] == before
        assert not list((tmp_path / "shared/history/runs").glob("*.new"))
