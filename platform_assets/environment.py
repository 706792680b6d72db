"""Which environment this process runs in, and where it keeps its things: read and validated once.

`PLATFORM_ENV` is one of local, test, staging and production. Nothing is read while modules are imported: call
:func:`current_environment` where a value is needed. Credentials are never here; they are `EnvVar`s of resources.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from platform_assets.announced import WAREHOUSES, announced
from platform_assets.execution import Execution, InvalidEnvironment, read_execution
from platform_assets.stores.errors import InvalidUrl
from platform_assets.stores.objects import SCHEMES, Objects, is_url

__all__ = ["Environment", "EnvironmentName", "InvalidEnvironment", "current_environment", "read_environment"]


class EnvironmentName(StrEnum):
    LOCAL = "local"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"


_DEPLOYED = (EnvironmentName.STAGING, EnvironmentName.PRODUCTION)
WAREHOUSE_VARIABLE = "PLATFORM_WAREHOUSE"
UI_VARIABLE = "PLATFORM_UI_URL"
"""The address of the Dagster UI, for links."""
"""The variable that the platform reads, and sets for dbt's profile."""

LOG_LEVEL_VARIABLE = "PLATFORM_LOG_LEVEL"
LOG_LEVELS = ("DEBUG", "INFO")
"""What of the platform's log is in the log of a run; waits and takeovers are in both."""

QUARANTINE_VARIABLE = "PLATFORM_QUARANTINE"
DAYS_VARIABLE = "PLATFORM_QUARANTINE_DAYS"
SNAPSHOTS_VARIABLE = "PLATFORM_SNAPSHOT_DAYS"
SNAPSHOT_DAYS = 7.0
MOST_DAYS = 36_500

_PLACES = ("PLATFORM_LANDING", "PLATFORM_LAKE", WAREHOUSE_VARIABLE)


@dataclass(frozen=True)
class Environment:
    """Absolute paths of one environment, and how it executes.

    Everything the platform writes lies below ``home`` by default. ``landing`` and ``lake`` are the path of a folder, or
    a URL. ``warehouse`` is the path of a DuckDB file, or the location of a warehouse that a package announces
    (``scheme://...``). ``landing_events`` is the URL of the queue that has the notifications of the landing bucket.
    ``quarantine`` is a place like ``lake``; without one quarantined rows lie with the lake. ``quarantine_days`` is how
    long they are kept, None for no limit. ``snapshot_days`` is how long a DuckLake keeps what was
    overwritten.
    """

    name: EnvironmentName
    home: Path
    landing: str
    lake: str
    warehouse: str
    landing_events: str = ""
    quarantine: str | None = None
    quarantine_days: float | None = None
    snapshot_days: float = SNAPSHOT_DAYS
    log_level: str = "INFO"
    execution: Execution = field(default_factory=Execution)


def read_environment(variables: Mapping[str, str], *, cwd: Path) -> Environment:
    """The environment that ``variables`` describe; relative paths are taken from ``cwd``.

    Raises:
        InvalidEnvironment: if a variable is not one of the allowed words, or a deployed environment would keep
            its data in the folder that a process happens to be started from.
    """
    # Helm and compose hand on variables that nobody has set as empty ones; an environment without a name is a mistake
    variables = {
        name: value
        for name, value in variables.items()
        if value or name == "PLATFORM_ENV" or not name.startswith("PLATFORM_")
    }
    raw = variables.get("PLATFORM_ENV", EnvironmentName.LOCAL)
    try:
        name = EnvironmentName(raw)
    except ValueError:
        allowed = ", ".join(EnvironmentName)
        raise InvalidEnvironment(f"PLATFORM_ENV is {raw!r}; it must be one of: {allowed}") from None
    if name in _DEPLOYED and "PLATFORM_HOME" not in variables:
        unset = [variable for variable in _PLACES if variable not in variables]
        if unset:
            raise InvalidEnvironment(
                f"PLATFORM_ENV is {name}, which takes no default for where things lie: set PLATFORM_HOME, "
                f"or {', '.join(unset)}"
            )
    level = variables.get(LOG_LEVEL_VARIABLE, "INFO")
    if level not in LOG_LEVELS:
        raise InvalidEnvironment(f"{LOG_LEVEL_VARIABLE} is {level!r}; it must be one of: {', '.join(LOG_LEVELS)}")
    home = cwd / variables.get("PLATFORM_HOME", ".platform")
    lake = place_location(variables.get("PLATFORM_LAKE", str(home / "lake")), folder=cwd, name="PLATFORM_LAKE")
    return Environment(
        name=name,
        home=home,
        landing=landing_location(
            variables.get("PLATFORM_LANDING", str(home / "landing")), folder=cwd, name="PLATFORM_LANDING"
        ),
        lake=lake,
        warehouse=warehouse_location(
            variables.get(WAREHOUSE_VARIABLE, str(home / "warehouse.duckdb")), folder=cwd, name=WAREHOUSE_VARIABLE
        ),
        landing_events=variables.get("PLATFORM_LANDING_EVENTS", ""),
        quarantine=quarantine_location(
            variables.get(QUARANTINE_VARIABLE), lake=lake, folder=cwd, name=QUARANTINE_VARIABLE
        ),
        quarantine_days=_days(variables, DAYS_VARIABLE),
        snapshot_days=SNAPSHOT_DAYS if (days := _days(variables, SNAPSHOTS_VARIABLE)) is None else days,
        log_level=level,
        execution=read_execution(variables),
    )


def landing_location(given: str, *, folder: Path, name: str) -> str:
    """As :func:`place_location`, for a landing place, which may be on an SFTP server too."""
    if scheme_of(given) != "sftp":
        return place_location(given, folder=folder, name=name, schemes=(*SCHEMES, "sftp"))
    from platform_assets.stores.sftp import SftpFolder

    try:
        SftpFolder(given)
    except InvalidUrl as error:
        raise InvalidEnvironment(f"{name}: {error}") from None
    return given


def place_location(given: str, *, folder: Path, name: str, schemes: Sequence[str] = SCHEMES) -> str:
    """A place as it was ``given``: the absolute path of a folder, or the URL of objects.

    A relative path is taken from ``folder``. ``name`` is what the setting is called.

    Raises:
        InvalidEnvironment: if it is the URL of something else than ``schemes``, or names no bucket.
    """
    if is_url(given):
        try:
            Objects(given)
        except InvalidUrl as error:
            raise InvalidEnvironment(f"{name}: {error}") from None
        return given
    if scheme := scheme_of(given):
        known = ", ".join(f"{each}://..." for each in schemes)
        raise InvalidEnvironment(f"{name} begins with {scheme}://; it must be a path or one of: {known}")
    return str(folder / given)


def quarantine_location(given: str | None, *, lake: str, folder: Path, name: str) -> str | None:
    """The place of quarantines as it was ``given``, as :func:`place_location` has one; None where there is none.

    Raises:
        InvalidEnvironment: as :func:`place_location`, and if it lies in the ``lake`` or the lake in it.
    """
    if not given:
        return None
    place = place_location(given, folder=folder, name=name)
    # the lake removes from its folders what it does not know
    mine, other = (f"{os.path.normpath(each) if not is_url(each) else each.rstrip('/')}/" for each in (place, lake))
    if mine.startswith(other) or other.startswith(mine):
        raise InvalidEnvironment(
            f"{name}: neither may it lie in the lake ({lake}) nor the lake in it. Name a folder or URL beside the "
            "lake, or leave it out: then quarantined rows lie with the lake"
        )
    return place


def _days(variables: Mapping[str, str], name: str) -> float | None:
    text = variables.get(name)
    if text is None:
        return None
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days <= MOST_DAYS:
        raise InvalidEnvironment(f"{name} is {text!r}; it must be a number of days from 0 to {MOST_DAYS}")
    return days


def scheme_of(location: str) -> str:
    """The scheme of a location; nothing for a path."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", location)
    return found[1].lower() if found is not None else ""


def warehouse_location(given: str, *, folder: Path, name: str) -> str:
    """A warehouse as it was ``given``: the absolute path of a DuckDB file, or the location of an announced one.

    A relative path is taken from ``folder``. ``name`` is what the setting is called.

    Raises:
        InvalidEnvironment: if no installed package announces a warehouse of that scheme.
    """
    scheme = scheme_of(given)
    misspelt = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):/?(?!/)", given)
    if misspelt is not None and misspelt[1].lower() in ("duckdb", *announced(WAREHOUSES)):
        raise InvalidEnvironment(f"{name} begins with {misspelt[0]}, which is no path: write {misspelt[1]}://...")
    if scheme in ("", "duckdb"):
        path = given[len("duckdb://") :] if scheme else given
        return str(folder / path)
    known = announced(WAREHOUSES)
    if scheme not in known:
        schemes = ", ".join(f"{known_scheme}://..." for known_scheme in ["duckdb", *sorted(known)])
        raise InvalidEnvironment(
            # what follows the scheme may hold a password
            f"{name} begins with {scheme}://, and no installed package has a warehouse of that name; it must be a path "
            f"or one of: {schemes}"
        )
    return given


def without_password(location: str) -> str:
    """The location of a warehouse as it may be shown and kept.

    Raises:
        InvalidEnvironment: if it cannot be told where a password in it ends. The message does not repeat it.
    """
    if not scheme_of(location):
        return location
    try:
        place = urlsplit(location)
    except ValueError:
        # its text may repeat a part of the password
        raise InvalidEnvironment(
            f"the warehouse's location ({scheme_of(location)}://...) is no URL: write signs such as [ ] in a password "
            "as %5B %5D, or give it in PGPASSWORD or ~/.pgpass"
        ) from None
    user, at, host = place.netloc.rpartition("@")
    if "@" in place.path + place.query + place.fragment:
        raise InvalidEnvironment(
            f"the warehouse's location ({scheme_of(location)}://...) has a sign in its password that ends it: write @ "
            ": / ? # in a password as %40 %3A %2F %3F %23, or give it in PGPASSWORD or ~/.pgpass"
        )
    query = [part for part in place.query.split("&") if not part.partition("=")[0].lower().endswith("password")]
    shown = urlunsplit(place._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query="&".join(query)))
    # without a host `//` is left out
    return shown if scheme_of(shown) else shown.replace(":", "://", 1)


def whole_location(location: str) -> str:
    """The location of a warehouse with its password, where this process knows it: as it stands in PLATFORM_WAREHOUSE.

    ``location`` itself where that is another warehouse, or one without a password.
    """
    whole = os.environ.get(WAREHOUSE_VARIABLE, "")
    same = scheme_of(whole) == scheme_of(location) and without_password(whole) == location
    return whole if same else location


def current_environment() -> Environment:
    """:func:`read_environment` of this process, from its working directory."""
    return read_environment(os.environ, cwd=Path.cwd())
