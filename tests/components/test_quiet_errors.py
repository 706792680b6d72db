"""Errors that nobody thought of are logged by type and place: their text may quote a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from platform_assets.components.assets import dbt_run
from platform_assets.components.assets.dbt_run import DbtRun
from platform_assets.failures import for_log
from platform_assets.warehouse.errors import StatementFailed, WarehouseBusy
from tests.support.projects import Project, opened
from tests.support.shop import DAYS, deliver, write_shop

QUOTED = "cannot cope with 'Ada Lovelace'"


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Iterator[Project]:
    write_shop(tmp_path)
    with opened(tmp_path) as project:
        deliver(project)
        yield project


def logged(project: Project, run_id: str) -> list[str]:
    """The lines of a run's log that are no events."""
    return [entry.user_message for entry in project.instance.all_logs(run_id) if entry.dagster_event is None]


@pytest.mark.slow
def test_columns_that_cannot_be_described(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise ValueError(QUOTED)

    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0]).success
    monkeypatch.setattr(dbt_run, "table_metadata", broken)
    run = shop.run("key:apart", DAYS[0])
    assert run.success
    (line,) = [line for line in logged(shop, run.run_id) if "no columns in the metadata" in line]
    assert re.search(r"no columns in the metadata: ValueError in test_quiet_errors\.py, line \d+ ", line)


def test_a_dbt_step_that_fails(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: DbtRun) -> NoReturn:
        raise StatementFailed(QUOTED)

    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0]).success
    monkeypatch.setattr(DbtRun, "build_and_test", broken)
    run = shop.run("key:apart", DAYS[0])
    assert not run.success
    lines = logged(shop, run.run_id)
    assert not [line for line in lines if "Lovelace" in line]
    found = [line for line in lines if "StatementFailed in test_quiet_errors.py, line " in line]
    assert len(found) == 2, "when it is tried again, and when it is given up"


def test_what_is_known_is_logged_by_its_message() -> None:
    assert for_log(WarehouseBusy("run 7 has it")) == "run 7 has it"
    assert for_log(ValueError(QUOTED)) == "ValueError in an unknown place"
