"""The one Dagster resource of the platform: where files land, where the lake is, and which warehouse is used.

Cheap to make and to pickle: it holds paths and names. Connections are opened by the warehouse when a step needs
one; the key that pseudonyms are made with is looked up when a feed needs it, and is never part of any config.
"""

import os
from abc import abstractmethod
from pathlib import Path

import dagster as dg

from platform_assets.environment import WAREHOUSE_VARIABLE, InvalidEnvironment, scheme_of, without_password
from platform_assets.execution import Execution
from platform_assets.failures import Kind, PlatformError
from platform_assets.ingestion.protection import KEY_VARIABLE, SHORTEST_KEY
from platform_assets.lake.locations import open_lake
from platform_assets.lake.store import Lake
from platform_assets.retries.policy import Policies
from platform_assets.retry_file import read_policies
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import Warehouse

PSEUDONYM_KEY_VARIABLE = KEY_VARIABLE


class MissingPseudonymKey(PlatformError):
    """A feed has columns to pseudonymise, and the variable that holds the key is not set or too short."""

    kind = Kind.CREDENTIALS
    code = "pseudonym_key"


class WarehouseResource(dg.ConfigurableResource):
    """A warehouse of any kind."""

    @property
    @abstractmethod
    def location(self) -> str:
        """The path of a DuckDB file, else a location, without a password."""

    @abstractmethod
    def open(self) -> Warehouse:
        """The warehouse; no connection is opened yet."""


class AnnouncedWarehouseResource(WarehouseResource):
    """A warehouse that is announced by entry point, by the scheme of ``url``.

    Config is shown to people and kept: a password is no part of it.
    """

    url: str
    wait_seconds: float = Execution.warehouse_wait_seconds
    memory_limit: str | None = Execution.warehouse_memory

    @property
    def location(self) -> str:
        return self.url

    def open(self) -> Warehouse:
        return open_warehouse(self.url, wait_seconds=self.wait_seconds, memory_limit=self.memory_limit)


class DuckDBWarehouseResource(WarehouseResource):
    """The embedded warehouse: one DuckDB file."""

    path: str
    wait_seconds: float = Execution.warehouse_wait_seconds
    memory_limit: str | None = Execution.warehouse_memory
    """Such as 4GB. Without one a session keeps within 512 MB, or more for wide loads, and is given what DuckDB takes by
    itself (four fifths of the machine's memory) when that was too little."""

    @property
    def location(self) -> str:
        return self.path

    def open(self) -> Warehouse:
        return DuckDBWarehouse(path=Path(self.path), wait_seconds=self.wait_seconds, memory_limit=self.memory_limit)


def warehouse_resource(location: str, execution: Execution) -> WarehouseResource:
    """The resource of a warehouse by its location (a path, or one that ``environment`` has checked).

    Raises:
        InvalidEnvironment: if the location has a password and is not that of PLATFORM_WAREHOUSE, where it is found.
    """
    wait, memory = execution.warehouse_wait_seconds, execution.warehouse_memory
    if scheme_of(location):
        shown = without_password(location)
        if location not in (shown, os.environ.get(WAREHOUSE_VARIABLE)):
            raise InvalidEnvironment(
                f"{shown}: its password is written where it is kept with the project. Give it in PGPASSWORD or "
                f"~/.pgpass, or the whole location in {WAREHOUSE_VARIABLE}"
            )
        return AnnouncedWarehouseResource(url=shown, wait_seconds=wait, memory_limit=memory)
    return DuckDBWarehouseResource(path=location, wait_seconds=wait, memory_limit=memory)


class PlatformResource(dg.ConfigurableResource):
    """Give this to `Definitions(resources={"platform": ...})`; all of the platform's assets use it."""

    landing: str
    lake: str
    warehouse: WarehouseResource
    landing_events: str = ""
    """The URL of the SQS queue that has the notifications of the landing bucket; empty for none."""
    quarantine: str | None = None
    """Where quarantined rows are written: a folder or a URL of objects. Without one they lie with the lake."""
    log_level: str = "INFO"
    """What of the platform's log is in the log of a run: at DEBUG a line for each partition too."""
    ingestion_workers: int = Execution.ingestion_workers
    ingestion_threads: int = Execution.ingestion_threads
    ingestion_memory: str = Execution.ingestion_memory
    partitions_per_load: int | None = Execution.partitions_per_load
    retries: str = ""
    """The path of the project's `retries.yaml`; the defaults hold where there is no such file."""

    def open_lake(self) -> Lake:
        """The lake with its quarantines; nothing is looked at yet."""
        return open_lake(self.lake, self.quarantine)

    def retry_policies(self) -> Policies:
        """The retry policies of the project's assets. Raises ``RetryFileError`` if their file cannot be used."""
        return read_policies(Path(self.retries) if self.retries else None)

    def pseudonym_key(self) -> bytes:
        """The secret key of the keyed hash, from `PLATFORM_PSEUDONYM_KEY`.

        Raises:
            MissingPseudonymKey: if the variable is not set, or shorter than 16 bytes.
        """
        key = os.environ.get(PSEUDONYM_KEY_VARIABLE, "").encode()
        if len(key) < SHORTEST_KEY:
            raise MissingPseudonymKey(
                f"{PSEUDONYM_KEY_VARIABLE} must hold a secret of at least {SHORTEST_KEY} bytes: a contract asks for "
                f"columns to be pseudonymised with it. Make one with: openssl rand -hex 32"
            )
        return key
