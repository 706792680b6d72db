"""Fixtures of all tests."""

import pytest

from tests.support.lake import lake, make_contract, s3

__all__ = ["lake", "make_contract", "s3"]


@pytest.fixture(autouse=True)
def _retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again within a run is tried at once."""
    monkeypatch.setattr("platform_assets.retries.FIRST_WAIT", 0.0)
