"""Fixtures of all tests."""

import uuid

import pytest

from tests.support.lake import azure, lake, make_contract, s3, store_url
from tests.support.postgres import _postgres_server, postgres_database

__all__ = ["_postgres_server", "azure", "lake", "make_contract", "postgres_database", "s3", "store_url"]


@pytest.fixture(autouse=True)
def _no_answer_of_another_test(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What commands keep is kept for one test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / f"cache-{uuid.uuid4().hex}"))


@pytest.fixture(autouse=True)
def _retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again within a run is tried at once."""
    monkeypatch.setattr("platform_assets.retries.FIRST_WAIT", 0.0)
