"""The resource for a project's own assets on Snowflake: there where it can be, made when it is asked for.

dagster-snowflake is not installed here: a module with a class of that name stands for it.
"""

import importlib.util
import sys
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

from platform_assets.components.snowflake_resource import KEY, snowflake_resources
from platform_assets.environment import InvalidEnvironment

LOCATION = "snowflake://acme/DB?warehouse=SMALL&role=LOADER"
PLACE = {"account": "acme", "database": "DB", "warehouse": "SMALL", "role": "LOADER", "user": "me"}
PACKAGE = "dagster_snowflake"


class SnowflakeResource:
    """Keeps what it was given."""

    def __init__(self, **given: Any) -> None:
        self.given = given


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType(PACKAGE)
    module.__spec__ = importlib.util.spec_from_loader(PACKAGE, None)
    module.SnowflakeResource = SnowflakeResource  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, PACKAGE, module)
    for name in ("PRIVATE_KEY", "PRIVATE_KEY_PATH", "PRIVATE_KEY_PASSPHRASE", "PASSWORD"):
        monkeypatch.delenv(f"SNOWFLAKE_{name}", raising=False)
    monkeypatch.setenv("SNOWFLAKE_USER", "me")
    return module


def given(location: str) -> dict[str, Any]:
    """What the resource of an asset was made with."""
    seen: list[dict[str, Any]] = []

    @dg.asset
    def own(platform_snowflake: dg.ResourceParam[SnowflakeResource]) -> None:
        seen.append(platform_snowflake.given)

    assert dg.materialize([own], resources=snowflake_resources(location)).success
    return seen[0]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("variables", "proof"),
    [
        ({"PASSWORD": "right"}, {"password": "right"}),
        (
            {"PRIVATE_KEY_PATH": "/k.p8", "PRIVATE_KEY_PASSPHRASE": "pass"},
            {"private_key_path": "/k.p8", "private_key_password": "pass"},
        ),
        ({"PRIVATE_KEY": "BEGIN\\nEND"}, {"private_key": "BEGIN\nEND"}),
    ],
)
def test_it_is_made_of_the_same_variables(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], proof: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SNOWFLAKE_{name}", value)
    assert given(LOCATION) == {**PLACE, **proof}
    server = {"host": "127.0.0.1", "port": "1", "protocol": "http"}
    at_server = given(f"{LOCATION}&host=127.0.0.1&port=1&protocol=http")
    assert at_server == {**PLACE, **proof, "additional_snowflake_connection_args": server}


@pytest.mark.usefixtures("installed")
def test_a_variable_that_is_missing_is_named_when_it_is_made() -> None:
    with pytest.raises(dg.DagsterError) as raised:
        given(LOCATION)
    assert isinstance(raised.value.__cause__, InvalidEnvironment)
    assert "SNOWFLAKE_PRIVATE_KEY_PATH" in str(raised.value.__cause__)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("location", ["/data/w.duckdb", "postgresql:///db"])
def test_there_is_none_on_other_warehouses(location: str) -> None:
    assert snowflake_resources(location) == {}


def test_the_package_is_looked_for_and_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert snowflake_resources(LOCATION) == {}
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    assert set(snowflake_resources(LOCATION)) == {KEY}
    assert PACKAGE not in sys.modules
