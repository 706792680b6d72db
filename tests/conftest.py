"""Fixtures of all tests."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.budget import Budget, add_options
from tests.support.emulator import _snowflake_server, snowflake_database
from tests.support.lake import azure, lake, make_contract, s3, store_url
from tests.support.postgres import _postgres_server, postgres_database
from tests.support.quick import make_once

__all__ = [
    "_postgres_server",
    "_snowflake_server",
    "azure",
    "lake",
    "make_contract",
    "postgres_database",
    "s3",
    "snowflake_database",
    "store_url",
]


@pytest.fixture(autouse=True, scope="session")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_once(patch, tmp_path_factory.mktemp("once"))
        yield


@pytest.fixture(autouse=True)
def _no_answer_of_another_test(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What commands keep is kept for one test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / f"cache-{uuid.uuid4().hex}"))


@pytest.fixture(autouse=True)
def _retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again within a run is tried at once."""
    for room in ("retries.in_run", "components.assets.lake", "components.assets.attempts"):
        monkeypatch.setattr(f"platform_assets.{room}.pause", lambda seconds: None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The emulator of Snowflake is installed and started in the slower suite only: it takes seconds for most things."""
    for item in items:
        if {"snowflake_server", "snowflake_database"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.slow)


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Budget(config.getoption("--seconds"), config.getoption("--order")))
