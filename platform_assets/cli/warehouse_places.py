"""Which warehouse a location on the command line means: a path, a URL, or the word of an engine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from platform_assets.announced import WAREHOUSES, announced
from platform_assets.cli.project import chosen_environment, chosen_warehouse
from platform_assets.environment import WAREHOUSE_VARIABLE, scheme_of, warehouse_location, without_password
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import Warehouse

WAIT_SECONDS = 30.0
DUCKDB = "duckdb"
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9+-]*")
_ALIASES = {"postgres": "postgresql"}


def located(given: str, name: str) -> str:
    """The location that was ``given`` for the option ``name``: an absolute path, or a URL.

    The word of an engine (duckdb, postgresql) is that of the one warehouse of the engine that the project knows.
    Raises click.ClickException if it knows none or several.
    """
    word = _ALIASES.get(given.lower(), given.lower())
    if not _WORD.fullmatch(given) or word not in (DUCKDB, *announced(WAREHOUSES)):
        return warehouse_location(given, folder=Path.cwd(), name=name)
    known = sorted({each for each in _known() if (scheme_of(each) or DUCKDB) == word})
    if len(known) == 1:
        return known[0]
    found = f"{len(known)} are known ({', '.join(map(without_password, known))})" if known else "none is known"
    raise click.ClickException(
        f"{name} is {given!r}, the word of an engine, and of its warehouses {found}. Write the location: a path such "
        f"as ./{given}.duckdb, or {word if word != DUCKDB else 'postgresql'}://..."
    )


def opened(location: str, name: str, *, must_exist: bool = True) -> Warehouse:
    """The warehouse of a location. Raises click.ClickException for a file that is not there and has to be."""
    if must_exist and not scheme_of(location) and not Path(location).exists():
        raise click.ClickException(f"{location}: there is no warehouse here; name it with {name}")
    return open_warehouse(location, wait_seconds=WAIT_SECONDS)


def same_place(one: str, other: str) -> bool:
    """Whether two locations are the same warehouse, as far as their texts tell."""
    if scheme_of(one) or scheme_of(other):
        return without_password(one).rstrip("/") == without_password(other).rstrip("/")
    return os.path.realpath(one) == os.path.realpath(other)


def _known() -> list[str]:
    """The warehouses that the project and the environment name, and the file that is there by default."""
    environment = chosen_environment()
    default = environment.home / "warehouse.duckdb"
    named = [chosen_warehouse()] + ([environment.warehouse] if os.environ.get(WAREHOUSE_VARIABLE) else [])
    return [*named, *([str(default)] if default.exists() else [])]
