"""The location of a PostgreSQL database: what libpq makes of it, and how it is shown to people."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass, field

import psycopg2
from psycopg2.extensions import parse_dsn

from platform_assets.environment import InvalidEnvironment

_VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
    "password": "PGPASSWORD", "passfile": "PGPASSFILE", "options": "PGOPTIONS", "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "sslrootcert": "PGSSLROOTCERT", "sslcrl": "PGSSLCRL",
    "channel_binding": "PGCHANNELBINDING", "gssencmode": "PGGSSENCMODE", "krbsrvname": "PGKRBSRVNAME",
    "target_session_attrs": "PGTARGETSESSIONATTRS", "service": "PGSERVICE",
}  # fmt: skip
"""libpq's own names of its parameters in the environment."""
_OPTIONS = "-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=postgres"
"""On which the text of values depends."""
_DEFAULTS = {"host": "localhost", "port": "5432"}


@dataclass(frozen=True)
class Located:
    """``parameters`` are those of libpq, a password among them, and are shown nowhere; ``shown`` is for messages."""

    shown: str
    parameters: dict[str, str] = field(repr=False)

    def variables(self) -> dict[str, str]:
        """The parameters as the environment variables of libpq, for another program in this process."""
        # a profile of dbt has defaults of its own: all that tells the connection is said
        given = {"host": os.environ.get("PGHOST", ""), "port": os.environ.get("PGPORT", _DEFAULTS["port"])}
        given["user"] = os.environ.get("PGUSER") or getpass.getuser()
        found = {_VARIABLES[n]: value for n, value in {**given, **self.parameters}.items() if n in _VARIABLES}
        return {**found, "PGOPTIONS": f"{_OPTIONS} {found.get('PGOPTIONS', '')}".strip()}


def located(location: str) -> Located:
    """The database that a URL of libpq names.

    Raises:
        InvalidEnvironment: if libpq does not understand it, or it names no database. The message does not repeat it.
    """
    try:
        parameters: dict[str, str] = parse_dsn(location)
        _refuse_misread(parameters)
    except (psycopg2.ProgrammingError, ValueError):
        # their texts repeat the URL, password and all
        raise InvalidEnvironment(
            "the warehouse's location is not a URL of PostgreSQL: write postgresql://user@host:5432/database, and "
            "signs such as @ : / # in a password as %40 %3A %2F %23"
        ) from None
    user = parameters.get("user")
    place = f"{parameters.get('host', _DEFAULTS['host'])}:{parameters.get('port', _DEFAULTS['port'])}"
    shown = f"postgresql://{f'{user}@' if user else ''}{place}/{parameters.get('dbname', '')}"
    if not parameters.get("dbname"):
        raise InvalidEnvironment(f"{shown}: the warehouse's location names no database; write it after the last slash")
    return Located(shown, parameters)


def _refuse_misread(parameters: dict[str, str]) -> None:
    """A sign in a password that ends it leaves the rest of it in another part."""
    ports = parameters.get("port", "").split(",")
    places = parameters.get("host", "") + parameters.get("dbname", "")
    if not all(port == "" or port.isdigit() for port in ports) or "@" in places:
        raise ValueError(parameters)
