"""The location of a Snowflake database: what of it stands in the location, and what in the environment.

``snowflake://ACCOUNT/DATABASE?warehouse=...&role=...`` has neither user nor secrets. Names follow Snowflake's own rule:
one that does not stand in double quotes (``%22``) is taken in upper case.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from platform_assets.environment import InvalidEnvironment

SCHEME = "snowflake"
WAREHOUSES_VARIABLE = "PLATFORM_SNOWFLAKE_WAREHOUSES"
STAGE_VARIABLE = "PLATFORM_SNOWFLAKE_STAGE"
_PREFIX = "SNOWFLAKE_"
_PLACES = ("account", "database", "warehouse", "role")
_NEEDED = ("account", "database", "warehouse")
_SERVER = ("host", "port", "protocol")
"""For a server that stands for Snowflake, such as an emulator."""
_SECRETS = ("PRIVATE_KEY", "PRIVATE_KEY_PATH", "PASSWORD")


@dataclass(frozen=True)
class Located:
    """``parts`` are those of :data:`_PLACES` and :data:`_SERVER` that are known. ``shown`` is for messages and dbt."""

    shown: str
    parts: Mapping[str, str]
    user: str
    secrets: Mapping[str, str] = field(repr=False)

    def on(self, warehouse: str) -> Located:
        """The same, with another warehouse to compute with; with its own if that is empty."""
        return replace(self, parts={**self.parts, "warehouse": warehouse}) if warehouse else self

    def variables(self) -> dict[str, str]:
        """The environment variables by which another program of this process reaches the same database."""
        places = {f"{_PREFIX}{name.upper()}": value for name, value in self.parts.items()}
        secrets = {f"{_PREFIX}{name}": value for name, value in self.secrets.items()}
        return {**places, f"{_PREFIX}USER": self.user, **secrets}


def located(location: str, variables: Mapping[str, str] = os.environ) -> Located:
    """The database that a location names; what it leaves out is taken from ``SNOWFLAKE_ACCOUNT`` and its like.

    Raises:
        InvalidEnvironment: if something is missing or not known. The message repeats no secret.
    """
    try:
        place = urlsplit(location)
        given = dict(parse_qsl(place.query, keep_blank_values=True, strict_parsing=bool(place.query)))
        port = place.port
    except ValueError:
        raise InvalidEnvironment(f"the warehouse's location is not one of Snowflake: write {_FORM}") from None
    if place.username is not None or place.password is not None or port is not None or place.fragment:
        raise InvalidEnvironment(
            f"the warehouse's location has more than account and database: write {_FORM}. The user is given in "
            "SNOWFLAKE_USER, its key in SNOWFLAKE_PRIVATE_KEY_PATH or SNOWFLAKE_PRIVATE_KEY"
        )
    if unknown := sorted(set(given) - {*_PLACES[2:], *_SERVER}):
        raise InvalidEnvironment(
            f"the warehouse's location has {', '.join(unknown)}, which is not known; it may have "
            f"{', '.join((*_PLACES[2:], *_SERVER))}: write {_FORM}"
        )
    named = {"account": unquote(place.netloc), "database": unquote(place.path.strip("/")), **given}
    parts = {name: named.get(name) or variables.get(f"{_PREFIX}{name.upper()}", "") for name in (*_PLACES, *_SERVER)}
    parts = {name: value for name, value in parts.items() if value}
    missing = [f"{name} (in the location, or {_PREFIX}{name.upper()})" for name in _NEEDED if name not in parts]
    if not variables.get(f"{_PREFIX}USER"):
        missing.append(f"user ({_PREFIX}USER)")
    secrets = _secrets(variables)
    if not secrets:
        missing.append(f"key ({_PREFIX}PRIVATE_KEY_PATH or {_PREFIX}PRIVATE_KEY) or password ({_PREFIX}PASSWORD)")
    if missing:
        raise InvalidEnvironment(f"Snowflake cannot be reached without: {'; '.join(missing)}. The location is {_FORM}")
    query = {name: value for name, value in parts.items() if name not in _PLACES[:2]}
    shown = f"{SCHEME}://{parts['account']}/{parts['database']}{'?' if query else ''}{urlencode(query)}"
    return Located(shown, parts, variables[f"{_PREFIX}USER"], secrets)


def warehouse_for(asset: str, variables: Mapping[str, str] = os.environ) -> str:
    """The warehouse to compute an asset with, by ``PLATFORM_SNOWFLAKE_WAREHOUSES``; nothing where it names none.

    That is a list such as ``raw/flights=LARGE, marts/*=SMALL``: the first pattern that fits counts.
    """
    for item in filter(None, map(str.strip, variables.get(WAREHOUSES_VARIABLE, "").split(","))):
        pattern, equals, warehouse = (part.strip() for part in item.partition("="))
        if not (pattern and equals and warehouse):
            raise InvalidEnvironment(f"{WAREHOUSES_VARIABLE}: {item!r} is not of the form ASSET=WAREHOUSE")
        if asset and fnmatch.fnmatchcase(asset, pattern):
            return warehouse
    return ""


def named_stage(variables: Mapping[str, str] = os.environ) -> str:
    """The stage over the root of the lake, by ``PLATFORM_SNOWFLAKE_STAGE``, as SQL has it; nothing where none is named.

    The name is one of SQL, with its database and schema: ``ANALYTICS.PUBLIC.LAKE``.
    """
    name = variables.get(STAGE_VARIABLE, "").strip().removeprefix("@").rstrip("/")
    if name and _STAGE.fullmatch(name) is None:
        raise InvalidEnvironment(
            f"{STAGE_VARIABLE} is {name!r}; it must be the name of a stage, with its database and schema, such as "
            "ANALYTICS.PUBLIC.LAKE"
        )
    return name


_WORD = r'(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"]|"")+")'
_STAGE = re.compile(rf"{_WORD}\.{_WORD}\.{_WORD}")
_FORM = "snowflake://ACCOUNT/DATABASE?warehouse=WAREHOUSE&role=ROLE"


def _secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """What the user proves itself with: a key if there is one, else a password."""
    for name in _SECRETS:
        if value := variables.get(f"{_PREFIX}{name}"):
            passphrase = variables.get(f"{_PREFIX}PRIVATE_KEY_PASSPHRASE")
            added = {"PRIVATE_KEY_PASSPHRASE": passphrase} if passphrase and name != "PASSWORD" else {}
            return {name: value, **added}
    return {}
