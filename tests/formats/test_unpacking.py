"""A decompression bomb is refused before it fills the disk or the memory, and what is no bomb is not."""

from __future__ import annotations

import gzip
import shutil
import tracemalloc
import zlib
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from platform_assets.formats import unpacking
from platform_assets.lake.errors import DeliveryRejected, IngestionError
from platform_assets.lake.manifest import read_rejection

COLUMNS = [{"name": "n", "logicalType": "integer"}]
HEAD = b"n\n"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 9),
    "zstd": zstandard.ZstdCompressor(level=3).compress,
    "zstd in frames": lambda data: b"".join(
        zstandard.compress(data[start : start + (8 << 20)]) for start in range(0, len(data), 8 << 20)
    ),
    "gzip in members": lambda data: b"".join(
        gzip.compress(data[start : start + (1 << 20)], 9) for start in range(0, len(data), 1 << 20)
    ),
}


class Written(unpacking.Unpacking):
    """Remembers the last one, which knows how much was written."""

    last: Written | None = None

    def __init__(self, delivered: int, work: Path) -> None:
        super().__init__(delivered, work)
        Written.last = self


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> type[Written]:
    from platform_assets.ingestion import reading

    monkeypatch.setattr(reading, "Unpacking", Written)
    return Written


@pytest.mark.slow
@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("files", [1, 3])
def test_a_bomb_is_refused_within_bounded_scratch(
    lake: Any, make_contract: Callable[..., Any], written: type[Written], packer: str, files: int
) -> None:
    bomb = PACKERS[packer](HEAD + b"0" * (160 << 20))
    paths = [lake.file(f"{number}.csv.x", bomb) for number in range(files)]
    tracemalloc.start()
    try:
        with pytest.raises(DeliveryRejected, match="unpacks to more than") as caught:
            lake.ingest(make_contract(COLUMNS), *paths)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == "compression:bomb"
    assert written.last is not None
    # of all files together, and no more than one piece above the limit
    limit = max(files * len(bomb) * unpacking.MAX_EXPANSION, unpacking.MAX_SMALL)
    assert written.last.limit == limit
    assert written.last.written <= limit + (130 << 20)
    assert peak < 300 << 20
    assert not list((lake.path / "_quarantine").rglob("*.plain"))


@pytest.mark.parametrize("packer", PACKERS)
def test_a_small_file_may_unpack_to_much(lake: Any, make_contract: Callable[..., Any], packer: str) -> None:
    content = HEAD + b"1\n" * 2_000_000
    packed = PACKERS[packer](content)
    assert len(content) > 200 * len(packed)
    assert lake.ingest(make_contract(COLUMNS), lake.file("a.csv.x", packed)).rows_out == 2_000_000


@pytest.mark.parametrize("packer", PACKERS)
def test_a_disk_without_room_is_no_verdict(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, packer: str
) -> None:
    path = lake.file("a.csv.x", PACKERS[packer](HEAD + b"1\n" * 1000))
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage(100 << 30, 100 << 30, 500 << 20))
        with pytest.raises(IngestionError, match="the disk is full"):
            lake.ingest(make_contract(COLUMNS), path)
    assert read_rejection(lake.path, "feed", "2013-01-01") is None
    assert lake.ingest(make_contract(COLUMNS), path).rows_out == 1000


def test_many_members_are_unpacked_in_proportion(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of a piece is handed over again for each member in it; a piece must be small for that."""
    members = 20_000
    path = lake.file("a.csv.gz", gzip.compress(HEAD) + gzip.compress(b"1\n") * members)
    handed = 0
    make = zlib.decompressobj

    class Counting:
        def __init__(self, wbits: int) -> None:
            self._inner = make(wbits=wbits)

        def decompress(self, data: bytes, limit: int) -> bytes:
            nonlocal handed
            handed += len(data)
            return self._inner.decompress(data, limit)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    monkeypatch.setattr(unpacking.zlib, "decompressobj", Counting)
    assert lake.ingest(make_contract(COLUMNS), path).rows_out == members
    assert handed <= members * unpacking.PIECE


def test_a_file_may_not_claim_any_memory_it_likes(lake: Any, make_contract: Callable[..., Any]) -> None:
    """The window is in the file's head, and is taken before anything is unpacked."""
    parameters = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    content = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = content.compress(b"n\n1\n") + content.flush()
    contract = make_contract([{"name": "n", "logicalType": "integer"}])
    with pytest.raises(DeliveryRejected, match="window of more than 128 MB") as rejected:
        lake.ingest(contract, lake.file("a.csv.zst", packed))
    assert rejected.value.code == "compression:window"


def test_no_memory_for_the_decompressor_is_no_verdict(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Starved:
        eof, unused_data = False, b""

        def decompress(self, _: bytes) -> bytes:
            raise zstandard.ZstdError("zstd decompress error: Allocation error : not enough memory")

    class Decompressor:
        def __init__(self, **_: object) -> None: ...

        def decompressobj(self) -> Starved:
            return Starved()

    contract = make_contract([{"name": "n", "logicalType": "integer"}])
    path = lake.file("a.csv.zst", zstandard.compress(b"n\n1\n"))
    monkeypatch.setattr("platform_assets.formats.unpacking.zstandard.ZstdDecompressor", Decompressor)
    with pytest.raises((IngestionError, MemoryError)):
        lake.ingest(contract, path)
    assert read_rejection(lake.path, "feed", "2013-01-01") is None
