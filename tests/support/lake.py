"""A lake in a temporary folder, and a short way to write a contract, deliver files and ingest them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from demo.object_store import S3Server, s3_server
from platform_assets.contracts.model import Contract
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.locations import open_lake
from platform_assets.lake.manifest import Manifest
from platform_assets.lake.quarantine import QuarantinedRow
from platform_assets.lake.quarantined import read_quarantine
from platform_assets.lake.store import Lake as LakeStore
from platform_assets.partition_key import PartitionKey
from platform_assets.sql.contract_file import parse_contract
from tests.support.azure_server import AzureServer, azure_server, azurite

KEY = b"a key for tests, of 32 bytes len"
STORES = ["s3", "azure"] if azurite() else ["s3"]


def contract_of(columns: Iterable[dict[str, Any]], *, form: str = "csv", terms: dict[str, Any] | None = None,
                server: dict[str, Any] | None = None, **table: Any) -> Contract:  # fmt: skip
    """A contract named ``feed`` from columns as the standard has them."""
    custom = [{"property": key, "value": value} for key, value in {"quarantineLimit": 1, **(terms or {})}.items()]
    details = [{"property": key, "value": value} for key, value in (server or {}).items()]
    document = {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "feed", "version": "1.0.0",
        "servers": [{"server": "s", "type": "local", "path": "x", "format": form, "customProperties": details}],
        "schema": [{"name": "feed", "properties": list(columns), **table}],
        "customProperties": custom,
    }  # fmt: skip
    return parse_contract(yaml.safe_dump(document, allow_unicode=True), Path("feed.yaml"))


def key_of(partition: str) -> PartitionKey:
    """A day where ``partition`` is written like one, else a partition of no time."""
    try:
        start = dt.datetime.fromisoformat(partition).replace(tzinfo=dt.UTC)
    except ValueError:
        return PartitionKey(partition)
    return PartitionKey(partition, start, start + dt.timedelta(days=1), start.timestamp())


@dataclass
class Lake:
    """``path`` is the lake, ``landing`` a folder for files to deliver; ``url`` is a lake elsewhere, in its place.

    Quarantined rows lie with the lake, or below ``quarantine``.
    """

    path: Path
    landing: Path
    url: str = ""
    quarantine: str = ""

    @property
    def store(self) -> LakeStore:
        return open_lake(self.url or self.path, self.quarantine)

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.landing / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def delivery(self, *files: Path, partition: str = "2013-01-01") -> Delivery:
        return Delivery("feed", key_of(partition), tuple(FileVersion.of(file) for file in files))

    def ingest(self, contract: Contract, *files: Path, partition: str = "2013-01-01", **more: Any) -> Manifest:
        """Ingest, and check what always has to hold."""
        manifest = ingest(contract=contract, delivery=self.delivery(*files, partition=partition), lake=self.store,
                          pseudonym_key=KEY, **more)  # fmt: skip
        assert manifest.rows_in == manifest.rows_out + manifest.rows_quarantined
        assert manifest.rows_quarantined == sum(manifest.reasons.values())
        assert len(self.quarantined(partition)) == manifest.rows_quarantined
        assert len(self.rows(manifest)) == manifest.rows_out
        return manifest

    def rows(self, manifest: Manifest) -> list[tuple[Any, ...]]:
        if not manifest.data_files:
            return []
        with self.store.on_disk([manifest]) as files, duckdb.connect() as engine:
            engine.execute("SET TimeZone = 'UTC'")
            paths = [str(path) for path in files[manifest.partition]]
            return engine.execute("SELECT * FROM read_parquet(?)", [paths]).fetchall()

    def ingested(self) -> list[str]:
        """The partitions that have a manifest, in order."""
        names = self.store.partition_names("feed")
        partitions = [self.store.partition_of("feed", name) for name in names]
        return sorted(partition for partition in partitions if self.store.manifest("feed", partition) is not None)

    def quarantined(self, partition: str = "2013-01-01") -> list[QuarantinedRow]:
        return read_quarantine(self.store, "feed", partition)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def azure() -> Iterator[AzureServer]:
    with azure_server() as server:
        yield server


@pytest.fixture(params=["s3", *(pytest.param(store, marks=pytest.mark.slow) for store in STORES[1:])])
def store_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new bucket on a server of each kind, which this process's variables name."""
    server: S3Server | AzureServer = request.getfixturevalue(request.param)
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return server.bucket()


@pytest.fixture
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A lake in a folder, or where the test's parameter says: `everywhere` is both."""
    (tmp_path / "landing").mkdir()
    url = ""
    kind = getattr(request, "param", "folder")
    if kind != "folder":
        server: S3Server | AzureServer = request.getfixturevalue(kind)
        for name, value in server.variables.items():
            request.getfixturevalue("monkeypatch").setenv(name, value)
        url = f"{server.bucket()}/some/lake"
    return Lake(tmp_path / "lake", tmp_path / "landing", url)


everywhere = pytest.mark.parametrize(
    "lake", ["folder", *(pytest.param(store, marks=pytest.mark.slow) for store in STORES)], indirect=True
)
"""For what holds of every kind of lake; on a server of objects it takes longer."""

in_stores = pytest.mark.parametrize("lake", ["s3", *STORES[1:]], indirect=True)
"""For what holds of every kind of store of objects."""


@pytest.fixture
def make_contract() -> Callable[..., Contract]:
    return contract_of
