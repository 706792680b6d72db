"""A new protection in a live feed with models and a published table above it, from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_reload import CLEAR, HASH, clear_texts, contract, rows
from tests.support.projects import Project, opened
from tests.support.shop import DAYS, deliver, write_shop

MODELS = """\
models:
  - name: cleaned
    columns: [{name: id, data_tests: [not_null]}]
  - name: totals
  - name: apart
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    write_shop(tmp_path, dbt={"models/models.yml": MODELS})
    monkeypatch.setenv("PLATFORM_PSEUDONYM_KEY", "a key for tests, of 32 bytes len")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with opened(tmp_path) as project:
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
        monkeypatch.chdir(tmp_path)
        contract(project)
        deliver(project, {day: rows(day) for day in DAYS})
        assert project.run("not key:lake/customers and not key:raw/customers", DAYS[0], DAYS[-1]).success
        for day in DAYS[2:]:
            (project.landing / "orders" / f"{day}.csv").unlink()
        yield project


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "platform_assets.cli.main", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "300"},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_lies_downstream_is_named_and_found_then_materialized_and_clean(project: Project) -> None:
    contract(project, HASH)
    alone = command("reload", "orders")
    assert alone.returncode == 1, alone.stdout + alone.stderr
    assert "downstream, and as it was until it is materialized again: " in alone.stdout
    assert "published/totals" in alone.stdout
    assert "column 'customer': read by models: cleaned, totals; published tables: totals" in alone.stdout
    assert "published.totals: customer" in alone.stdout, "the search finds what was not materialized"
    assert CLEAR not in alone.stdout + alone.stderr
    done = command("reload", "orders", "--downstream")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 clear values of customer" in done.stdout
    assert clear_texts(project) == []
    with project.warehouse.session(read_only=True) as session:
        found = session.execute("SELECT customer FROM published.totals")
    assert [len(str(row[0])) for row in found] == [32] * 15
