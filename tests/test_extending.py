"""The examples of docs/extending.md use names that exist. What they do is tested in the rooms that they add to."""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing

import dagster as dg
import pytest

from platform_assets import api
from platform_assets.warehouse import errors as warehouse_errors
from tests.support.announced import EXTENDING

EXAMPLES = re.findall(r"```python\n(.*?)```", EXTENDING.read_text(), re.DOTALL)


@pytest.mark.parametrize("source", EXAMPLES)
def test_an_example_can_be_imported(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)
    # the annotations of this file are no part of the example
    exec(compile(source, "docs/extending.md", "exec", dont_inherit=True), vars(module))
    checks = [value for value in vars(module).values() if isinstance(value, dg.AssetChecksDefinition)]
    assert "asset_check" not in source or len(checks) == 1


def test_there_is_one_for_each_thing_that_can_be_added() -> None:
    assert len(EXAMPLES) == 6


def test_every_name_of_the_api_is_there_and_in_order() -> None:
    assert all(hasattr(api, name) for name in api.__all__)
    assert len(set(api.__all__)) == len(api.__all__)


def test_every_name_of_the_api_that_the_documentation_speaks_of_is_there() -> None:
    named = set(re.findall(r"`platform_assets\.api\.(\w+)`", EXTENDING.read_text()))
    assert named
    assert named <= set(api.__all__)


def test_what_the_protocol_of_a_warehouse_speaks_of_can_be_had_from_the_api() -> None:
    """A package that implements it raises these errors, and returns these values."""
    text = "".join(
        inspect.getdoc(member) or "" for kind in (api.Session, api.Warehouse) for member in vars(kind).values()
    )
    errors = set(re.findall(r"``([A-Z]\w+)``", text)) & set(vars(warehouse_errors))
    assert errors >= {"StatementFailed", "WarehouseBusy"}
    assert errors <= set(api.__all__)
    values = {hint.__name__ for hint in typing.get_type_hints(vars(api.Session)["dialect"].fget).values()}
    assert values <= set(api.__all__)
