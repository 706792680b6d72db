"""The deployment that the tests of one file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kubernetes.deployment import Deployment, deployment_in


@pytest.fixture(name="_deployment", scope="module")
def _deployment_of_one_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment_in(tmp_path_factory.mktemp("pods")) as deployment:
        yield deployment


@pytest.fixture(name="pods")
def _pods(_deployment: Deployment) -> Iterator[Deployment]:
    yield _deployment
    _deployment.whole_again()
