"""What the tests of automation share."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(name="lasting")
def _lasting() -> Iterator[dg.DagsterInstance]:
    """An instance that a schedule can open by its reference."""
    with dg.instance_for_test() as instance:
        yield instance
