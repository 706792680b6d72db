"""Where a DuckLake's Parquet files are: in a folder, or below the URL of a bucket that speaks S3."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from platform_assets.environment import InvalidEnvironment
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.errors import unreadable
from platform_assets.warehouse.errors import WarehouseRefused

DATA = "data_path"
"""The parameter of a location that says where the Parquet files are."""
NAME = "platform_data"
_KEYS = {
    "KEY_ID": "AWS_ACCESS_KEY_ID",
    "SECRET": "AWS_SECRET_ACCESS_KEY",
    "SESSION_TOKEN": "AWS_SESSION_TOKEN",
    "REGION": "AWS_REGION",
}
_NEEDED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True)
class DataPlace:
    """``location`` is the absolute path of a folder, or a URL such as `s3://bucket/prefix`."""

    location: str

    @property
    def is_url(self) -> bool:
        return "://" in self.location

    @property
    def extensions(self) -> tuple[str, ...]:
        """DuckDB's extensions that reach it."""
        return ("httpfs",) if self.is_url else ()

    def prepare(self) -> None:
        """See to it that files can be written. Raises ``WarehouseError``."""
        if self.is_url:
            return
        try:
            Path(self.location).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unreadable(Path(self.location), error) from error

    def has_files(self) -> bool:
        """Whether a folder holds files of tables; of a URL it is not asked."""
        return not self.is_url and any(Path(self.location).glob("*/*/*.parquet"))

    def allow(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give DuckDB the keys of the bucket, which are those of the environment.

        Raises ``WarehouseRefused`` where there are none, or ``duckdb.Error``.
        """
        if not self.is_url:
            return
        missing = [name for name in _NEEDED if not os.environ.get(name)]
        if missing:
            raise WarehouseRefused(
                f"the DuckLake's files are at {self.location}, and DuckDB takes the keys of the bucket from the "
                f"environment alone: set {' and '.join(missing)}"
            )
        given = [f"{word} {literal(os.environ[name])}" for word, name in _KEYS.items() if os.environ.get(name)]
        if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
            server = urlsplit(endpoint)
            given += [f"ENDPOINT {literal(server.netloc)}", "URL_STYLE 'path'"]
            given += ["USE_SSL false"] if server.scheme == "http" else []
        scope = f"SCOPE {literal(self.location)}"
        kind = ", ".join(("TYPE s3", *given, scope))
        connection.execute(f"CREATE OR REPLACE TEMPORARY SECRET {quoted(NAME)} ({kind})")


def data_place(given: str, *, form: str) -> DataPlace:
    """The place of a location's parameter; ``form`` is how the location is written.

    Raises:
        InvalidEnvironment: if it is neither an absolute path nor a URL of S3.
    """
    place = DataPlace(given.rstrip("/"))
    if not place.is_url:
        if not given or not Path(given).is_absolute():
            raise InvalidEnvironment(f"a DuckLake's location has to say where its files are: {form}")
        return place
    if not given.startswith("s3://"):
        raise InvalidEnvironment(
            f"{DATA} of a DuckLake begins with {given.partition('://')[0]}://; it must be an absolute path or s3://..."
        )
    return place
