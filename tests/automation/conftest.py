"""What the tests of automation share."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
