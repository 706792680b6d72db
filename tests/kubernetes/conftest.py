"""The deployment that the tests of one file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kubernetes.deployment import Deployment, deployment_in


@pytest.fixture(name="pods", scope="module")
def _pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment_in(tmp_path_factory.mktemp("pods")) as deployment:
        yield deployment
