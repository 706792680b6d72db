"""dagster-snowflake's resource for a project's own assets, of the same database, user and key as the platform's.

Importing that package takes seconds: it is done when an asset that asks for the resource runs, and not before.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.environment import scheme_of

KEY = "platform_snowflake"
_SCHEME = "snowflake"
_PACKAGE = "dagster_snowflake"
_PLACES = ("account", "database", "warehouse", "role")


def snowflake_resources(warehouse: str) -> dict[str, dg.ResourceDefinition]:
    """The resource `platform_snowflake`, where the warehouse is one of Snowflake and the package is installed.

    It has no config: user and secrets are read from the environment when it is made, and kept nowhere. A variable that
    is missing then is named by ``InvalidEnvironment``.
    """
    if scheme_of(warehouse) != _SCHEME or importlib.util.find_spec(_PACKAGE) is None:
        return {}

    @dg.resource(description="dagster-snowflake's SnowflakeResource, on the platform's database.")
    def made(_: dg.InitResourceContext) -> Any:
        from dagster_snowflake import SnowflakeResource

        return SnowflakeResource(**_arguments(warehouse))

    return {KEY: made}


def _arguments(warehouse: str) -> dict[str, Any]:
    from platform_assets.warehouse.snowflake.locating import located

    at = located(warehouse)
    server = {name: value for name, value in at.parts.items() if name not in _PLACES}
    return {
        "user": at.user,
        **{name: value for name, value in at.parts.items() if name in _PLACES},
        **_proof(at.secrets),
        **({"additional_snowflake_connection_args": server} if server else {}),
    }


def _proof(secrets: Mapping[str, str]) -> dict[str, str]:
    """What the user proves itself with, by the resource's names."""
    if "PASSWORD" in secrets:
        return {"password": secrets["PASSWORD"]}
    passphrase = secrets.get("PRIVATE_KEY_PASSPHRASE")
    more = {"private_key_password": passphrase} if passphrase else {}
    if "PRIVATE_KEY_PATH" in secrets:
        return {"private_key_path": str(Path(secrets["PRIVATE_KEY_PATH"]).expanduser()), **more}
    return {"private_key": secrets["PRIVATE_KEY"].replace("\\n", "\n"), **more}
