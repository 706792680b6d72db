"""Compression undone: checksum and completeness verified, and no more written than a delivery may unpack to.

DuckDB gives the rows before a break in a gzip file, and nothing at all for a broken zstd one, both without an error;
so files are unpacked here before it reads them.
"""

from __future__ import annotations

import errno
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from platform_assets.lake.errors import DeliveryRejected

CHUNK = 1 << 20
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
PIECE = 4096
"""Compressed bytes given to a decompressor at a time: of zstd, they may become 128 MB."""
MAX_EXPANSION = 100
"""A delivery that unpacks to more than this many times its size is taken for a decompression bomb ..."""
MAX_SMALL = 128 << 20
"""... unless it unpacks to no more bytes than this."""
RESERVE = 1 << 30
"""Bytes that unpacking leaves free on the disk; on a small one, a twentieth of it."""


class Unpacking:
    """How much the files of one delivery may still unpack to, and whether the disk of the ``work`` folder has room."""

    def __init__(self, delivered: int, work: Path) -> None:
        self.limit = max(delivered * MAX_EXPANSION, MAX_SMALL)
        self.written = 0
        self._work, self._looked = work, 0

    def take(self, path: Path, size: int) -> None:
        """Count ``size`` bytes that are about to be written for the file ``path``."""
        self.written += size
        if self.written > self.limit:
            raise DeliveryRejected(
                "compression:bomb",
                f"{path}: unpacks to more than {MAX_EXPANSION} times the size of its delivery (and to more than "
                f"{MAX_SMALL >> 20} MB); what was unpacked is gone again. If it is no mistake, deliver it unpacked",
            )
        if self.written >= self._looked:
            self._looked = self.written + (64 << 20)
            disk = shutil.disk_usage(self._work)
            if disk.free < min(RESERVE, disk.total // 20) + size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._work))


def decompressed(path: Path, chunks: Iterator[bytes], head: bytes, unpacking: Unpacking) -> Iterator[bytes]:
    """The bytes of ``path``, whose ``chunks`` begin with ``head``; :class:`DeliveryRejected` if not intact."""
    pieces = (chunk[start : start + PIECE] for chunk in chunks for start in range(0, len(chunk), PIECE))
    waiting: list[bytes] = []
    size = 0
    for piece in _gunzip(path, pieces) if head.startswith(GZIP) else _unzstd(path, pieces):
        unpacking.take(path, len(piece))
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


MAX_WINDOW = 128 << 20
"""What zstd itself takes without being asked for more: one file may not claim more memory than that."""


def _gunzip(path: Path, pieces: Iterator[bytes]) -> Iterator[bytes]:
    engine = None
    members = 0
    for piece in pieces:
        data = piece
        while data:
            if engine is None:
                if members and not data.strip(b"\0"):
                    break
                engine = zlib.decompressobj(wbits=31)
            try:
                yield engine.decompress(data, CHUNK * 4)
                while engine.unconsumed_tail:
                    yield engine.decompress(engine.unconsumed_tail, CHUNK * 4)
            except zlib.error as error:
                what = "its checksum does not fit" if "data check" in str(error) else "is not intact"
                if members and "header" in str(error):
                    what = "something that is no gzip follows it; deliver the file without that"
                raise DeliveryRejected("compression:corrupt", f"{path}: gzip data: {what} ({error})") from None
            data = engine.unused_data
            if engine.eof:
                engine, members = None, members + 1
            else:
                break
    if engine is not None:
        raise DeliveryRejected(
            "compression:truncated", f"{path}: gzip data ends before its end; deliver the file again"
        )


def _unzstd(path: Path, pieces: Iterator[bytes]) -> Iterator[bytes]:
    engine = None
    for piece in pieces:
        data = piece
        while data:
            if engine is None:
                engine = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
            try:
                yield engine.decompress(data)
            except zstandard.ZstdError as error:
                if "memory" in str(error) and "too much" not in str(error):
                    raise MemoryError(f"{path}: the decompressor got no memory") from error
                if "too much memory" in str(error):
                    raise DeliveryRejected(
                        "compression:window",
                        f"{path}: zstd data needs a window of more than {MAX_WINDOW >> 20} MB to be unpacked; write it "
                        "without --ultra or --long",
                    ) from None
                raise DeliveryRejected("compression:corrupt", f"{path}: zstd data is not intact ({error})") from None
            data = b""
            if engine.eof:
                data, engine = engine.unused_data, None
    if engine is not None:
        raise DeliveryRejected(
            "compression:truncated", f"{path}: zstd data ends before its end; deliver the file again"
        )
