"""Feeds whose deliveries lie on a real S3 server (the lake too) or SFTP server: from the sensor to the table."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from demo.object_store import S3Server
from platform_assets.cli.ingest_runs import problems_of
from platform_assets.ingestion import copies
from platform_assets.lake.locations import open_lake
from platform_assets.landing import objects
from tests.support.projects import Project, opened, write_project
from tests.support.sensors import Sensor
from tests.support.sftp_server import sftp_server

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
servers: [{server: landing, type: local, path: orders, format: csv}]
customProperties:
  - {property: quarantineLimit, value: 0.5}
schema:
  - name: orders
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: country, logicalType: string}
"""
FEED = """\
type: platform_assets.FileFeed
attributes:
  files: orders/%Y/orders_%Y-%m-%d*.{csv,csv.gz}
  partitions: {type: daily, start_date: "2024-01-01", end_date: "2025-01-01"}
  settle_seconds: 0
"""


class Store:
    def __init__(self, url: str) -> None:
        self.url = url
        self._store = from_url(url, client_options={"allow_http": True})

    def put(self, key: str, content: bytes) -> None:
        obstore.put(self._store, key, content)

    def remove(self, key: str) -> None:
        obstore.delete(self._store, key)


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)
    return s3.bucket()


@pytest.fixture
def project(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    places = f"landing: {bucket}/landing\n  lake: {bucket}/lake\n  warehouse: data/warehouse.duckdb\n"
    write_project(tmp_path, {
        "orders/contract.yaml": CONTRACT,
        "orders/defs.yaml": FEED,
        "platform/defs.yaml": f"type: platform_assets.PlatformResources\nattributes:\n  {places}",
    })  # fmt: skip
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with opened(tmp_path) as project:
        yield project


@pytest.mark.slow
def test_from_an_object_to_the_table_and_again_when_it_is_replaced(
    project: Project, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = Store(f"{bucket}/landing")
    landing.put("orders/2024/orders_2024-03-01_a.csv", b"id,country\n1,DE\n2,FR\n")
    landing.put("orders/2024/orders_2024-03-01_b.csv.gz", gzip.compress(b"id,country\n3,DE\nx,FR\n"))
    sensor = Sensor(project, "orders", time.time_ns() + 10**9)
    (request,) = sensor.tick(monkeypatch)
    assert request.partition_key == "2024-03-01"
    assert sensor.run(request).success
    assert sensor.published() == ["2024-03-01"]
    manifest = open_lake(f"{bucket}/lake").manifest("orders", "2024-03-01")
    assert manifest is not None
    assert (manifest.rows_out, manifest.rows_quarantined) == (3, 1)
    assert [file.path for file in manifest.delivery_files] == [
        f"{bucket}/landing/orders/2024/orders_2024-03-01_a.csv",
        f"{bucket}/landing/orders/2024/orders_2024-03-01_b.csv.gz",
    ]
    sensor.clock_ns = time.time_ns() + 10**9
    assert not sensor.tick(monkeypatch)
    # the same bytes once more are no news, other bytes are
    landing.put("orders/2024/orders_2024-03-01_a.csv", b"id,country\n1,DE\n2,FR\n")
    assert not sensor.tick(monkeypatch)
    landing.put("orders/2024/orders_2024-03-01_a.csv", b"id,country\n1,DE\n2,FR\n4,IT\n")
    (request,) = sensor.tick(monkeypatch)
    assert sensor.run(request).success
    assert sensor.published() == ["2024-03-01"] * 2
    # a part of it is withdrawn: what is left is another version
    landing.remove("orders/2024/orders_2024-03-01_b.csv.gz")
    (request,) = [request for _ in range(3) for request in sensor.tick(monkeypatch)][:1]
    assert sensor.run(request).success
    assert open_lake(f"{bucket}/lake").manifest("orders", "2024-03-01").rows_out == 3  # type: ignore[union-attr]
    assert not list(project.root.glob("platform-assets-*/*")), "nothing is left of what was fetched"


def test_what_is_wrong_with_an_object_is_said_by_its_url(
    project: Project, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = Store(f"{bucket}/landing")
    landing.put("orders/2024/orders_2024-03-01.csv.gz", gzip.compress(b"id,country\n1,DE\n")[:-6])
    landing.put("orders/2024/orders_2024-03-02.csv", b"id,country\n1,DE\n")
    sensor = Sensor(project, "orders", time.time_ns() + 10**9)
    for request in sensor.tick(monkeypatch):
        sensor.run(request)
    assert sensor.published() == ["2024-03-02"]
    latest = open_lake(f"{bucket}/lake").latest("orders", "2024-03-01")
    assert f"{bucket}/landing/orders/2024/orders_2024-03-01.csv.gz: " in latest.message  # type: ignore[union-attr]
    assert "fetched-" not in latest.message  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["its end", "a page"])
def test_a_damaged_object_of_the_lake_is_said_by_its_url(project: Project, bucket: str, damage: str) -> None:
    rows = "".join(f"{n},{n * 7919}\n" for n in range(20_000))
    Store(f"{bucket}/landing").put("orders/2024/orders_2024-03-01.csv", f"id,country\n{rows}".encode())
    assert project.run("key:lake/orders", "2024-03-01").success
    lake = open_lake(f"{bucket}/lake")
    manifest = lake.manifest("orders", "2024-03-01")
    assert manifest is not None
    (name,) = manifest.data_files
    with lake.fetched([name]) as (path,):
        content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2_000] = bytes(2_000)
    Store(f"{bucket}/lake").put(name, bytes(content) if damage == "a page" else bytes(content[:-40]))
    result = project.run("key:raw/orders", "2024-03-01")
    problem = problems_of(result)["2024-03-01"]
    folder = f"{bucket}/lake/{name}".rpartition("/")[0]
    assert f"The Parquet files in {folder} are damaged" in problem
    assert "platform-assets-" not in problem, "the folder of the copy is nobody's business"
    Store(f"{bucket}/lake").remove(name)
    assert project.run("+raw/orders", "2024-03-01").success


@pytest.mark.slow
def test_an_object_that_goes_or_changes_before_it_is_read_is_waited_for(
    project: Project, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = Store(f"{bucket}/landing")
    landing.put("orders/2024/orders_2024-03-01.csv", b"id,country\n1,DE\n")
    fetched = copies.Copies._fetched

    def replaced_first(self: copies.Copies, *arguments: object) -> object:
        landing.put("orders/2024/orders_2024-03-01.csv", b"id,country\n2,FR\n")
        monkeypatch.setattr(copies.Copies, "_fetched", fetched)
        return fetched(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(copies.Copies, "_fetched", replaced_first)
    result = project.run("lake/orders", "2024-03-01")
    assert not result.success
    latest = open_lake(f"{bucket}/lake").latest("orders", "2024-03-01")
    assert latest.code == "file:changed"  # type: ignore[union-attr]
    assert project.run("+raw/orders", "2024-03-01").success


@pytest.mark.slow
def test_a_store_that_cannot_be_reached_is_said_by_tick_and_run(
    project: Project, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "PATIENCE_SECONDS", 1)
    landing = Store(f"{bucket}/landing")
    landing.put("orders/2024/orders_2024-03-01.csv", b"id,country\n1,DE\n")
    sensor = Sensor(project, "orders", time.time_ns() + 10**9)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        assert not sensor.tick(monkeypatch)
        result = project.run("lake/orders", "2024-03-01")
        assert not result.success
    (request,) = sensor.tick(monkeypatch)
    assert sensor.run(request).success


@pytest.mark.slow
def test_from_a_file_of_an_sftp_server_to_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("keys", "there/orders/2024", "here"):
        (tmp_path / folder).mkdir(parents=True)
    file = tmp_path / "there/orders/2024/orders_2024-03-01.csv"
    file.write_text("id,country\n1,DE\nx,FR\n3,IT\n")
    with sftp_server(tmp_path / "keys", openssh=False) as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        url = server.url(tmp_path / "there")
        places = f"landing: {url}\n  lake: data/lake\n  warehouse: data/warehouse.duckdb\n"
        write_project(tmp_path / "here", {
            "orders/contract.yaml": CONTRACT,
            "orders/defs.yaml": FEED,
            "platform/defs.yaml": f"type: platform_assets.PlatformResources\nattributes:\n  {places}",
        })  # fmt: skip
        with opened(tmp_path / "here") as project:
            sensor = Sensor(project, "orders", time.time_ns() + 2 * 10**9)
            (request,) = sensor.tick(monkeypatch)
            assert sensor.run(request).success
            manifest = open_lake(project.root / "data/lake").manifest("orders", "2024-03-01")
            assert manifest is not None
            assert (manifest.rows_out, manifest.rows_quarantined) == (2, 1)
            assert [each.path for each in manifest.delivery_files] == [f"{url}/orders/2024/orders_2024-03-01.csv"]
            assert not sensor.tick(monkeypatch)
            file.write_text("id,country\n1,DE\n")
            file.with_name("orders_2024-03-02.csv.gz").write_bytes(b"\x1f\x8bnone")
            sensor.clock_ns = time.time_ns() + 2 * 10**9
            for request in sensor.tick(monkeypatch):
                sensor.run(request)
            assert sensor.published() == ["2024-03-01"] * 2
            rejection = open_lake(project.root / "data/lake").latest("orders", "2024-03-02")
            assert f"{url}/orders/2024/orders_2024-03-02.csv.gz: " in rejection.message  # type: ignore[union-attr]
