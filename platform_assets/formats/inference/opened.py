"""A sample file opened as text: uncompressed, and in an encoding that its first bytes are found to be in."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import zstandard

from platform_assets.failures import Kind, PlatformError
from platform_assets.formats.plain_files import UNSUPPORTED
from platform_assets.formats.unpacking import GZIP, ZSTD

HEAD = 1 << 22
"""Bytes by which an encoding is recognized."""
NULS = 0.2
"""Share of NUL bytes from which on text is in UTF-16, or no text."""
MOSTLY = 10
"""UTF-8 with some broken bytes has so many times as many letters beyond ASCII."""


class SampleError(PlatformError):
    """The sample cannot be read; the message says why."""

    kind = Kind.MISCONFIGURED
    code = "sample"


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The plain bytes of the file; :class:`SampleError` for what is no file, or in no format that is read here."""
    if not path.is_file():
        raise SampleError(f"{path}: there is no such file" if not path.is_dir() else f"{path}: is a folder, not a file")
    with path.open("rb") as file:
        magic = file.read(8)
    for beginning, name in UNSUPPORTED.items():
        if magic.startswith(beginning) and name != "a Parquet file":
            office = " (an Excel workbook is one)" if "zip" in name else ""
            raise SampleError(
                f"{path}: is {name}{office}; save it as CSV, JSON lines or Parquet, plain or as gzip or zstd"
            )
    if magic.startswith(GZIP):
        with gzip.open(path, "rb") as packed:
            yield packed  # type: ignore[misc]
    elif magic.startswith(ZSTD):
        with zstandard.open(path, "rb", dctx=zstandard.ZstdDecompressor(max_window_size=1 << 31)) as packed:
            yield packed
    else:
        with path.open("rb") as file:
            yield file


@contextmanager
def opened_text(path: Path, encoding: str) -> Iterator[IO[str]]:
    """The file as text; a byte that the encoding does not have is a surrogate."""
    with opened(path) as raw, io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="") as text:
        yield text


def encoding_of(path: Path) -> str:
    """The encoding by the first bytes: UTF-8 (with a mark, ``utf-8-sig``), UTF-16, Windows-1252, or Latin-1."""
    with opened(path) as raw:
        head = raw.read(HEAD)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    nuls = head.count(b"\0")
    if nuls > NULS * len(head):
        wide = _without_mark(head, nuls)
        if wide is None:
            raise SampleError(f"{path}: is no text; a feed has CSV, JSON lines or Parquet")
        return wide
    text = head.decode("utf-8", "surrogateescape")
    broken = sum("\udc80" <= sign <= "\udcff" for sign in text) if not head.isascii() else 0
    if broken and len(head) == HEAD:
        broken -= sum("\udc80" <= sign <= "\udcff" for sign in text[-3:])  # a letter that was cut
    letters = 0 if head.isascii() else sum(sign > "\x7f" for sign in text) - broken
    if not broken or letters >= MOSTLY * broken:
        return "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        head.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _without_mark(head: bytes, nuls: int) -> str | None:
    even = head[0::2].count(b"\0")
    for name, of_this in (("utf-16-be", even), ("utf-16-le", nuls - even)):
        if of_this > 0.9 * nuls:
            return name
    return None
