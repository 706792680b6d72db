"""From a delivered file to plain UTF-8 bytes on disk: opened safely, decompressed and verified, transcoded.

How compression is undone is in ``unpacking``. What the bytes mean is not looked at: see ``raw_records``.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from platform_assets.formats.unpacking import CHUNK, GZIP, ZSTD, Unpacking, decompressed
from platform_assets.lake.deliveries import FileVersion
from platform_assets.lake.errors import DeliveryRejected

UNSUPPORTED = {b"PK\x03\x04": "a zip archive", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PAR1": "a Parquet file"}
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


@dataclass(frozen=True)
class PlainFile:
    """``path`` holds plain bytes: the delivered file itself when that is plain UTF-8, else a working copy.

    ``content_hash`` is the SHA-256 of the delivered bytes, ``skip`` the length of a byte order mark.
    """

    name: str
    path: Path
    content_hash: str
    size: int
    skip: int = 0


def check_version(file: FileVersion) -> None:
    """Refuse what is not a regular file of exactly the version in the delivery."""
    path = Path(file.path)
    with _faults_of_delivery(path):
        found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "a device")
        raise DeliveryRejected("file:not_regular", f"{path}: is {kind}, not a file; it was not read")
    if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
        raise DeliveryRejected(
            "file:changed",
            f"{path}: has {found.st_size} bytes now, {file.size} when it was seen, or was written again; "
            "it is read once it no longer changes",
        )


def open_regular(path: Path) -> IO[bytes]:
    """Open a file without following a link and without waiting for a pipe."""
    with _faults_of_delivery(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    return os.fdopen(descriptor, "rb", 0)


@contextlib.contextmanager
def _faults_of_delivery(path: Path) -> Iterator[None]:
    """Reject a file that is gone or a link. Any other error is one of the machine and says nothing of the delivery."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise DeliveryRejected("file:missing", f"{path}: is no longer there") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DeliveryRejected("file:not_regular", f"{path}: is a link, not a file; it was not read") from None
        if error.errno == errno.ENXIO:
            raise DeliveryRejected("file:not_regular", f"{path}: is a socket, not a file; it was not read") from None
        raise


def plain_file(file: FileVersion, encoding: str, work: Path, unpacking: Unpacking | None = None) -> PlainFile:
    """The file as plain UTF-8; a copy is written into ``work`` only where one is needed.

    ``unpacking`` is what all files of the delivery have in common; without it this one is the delivery.
    """
    check_version(file)
    path = Path(file.path)
    digest = hashlib.sha256()
    with open_regular(path) as source:
        head = source.read(4096)
        source.seek(0)
        if (other := next((name for magic, name in UNSUPPORTED.items() if head.startswith(magic)), None)) is not None:
            raise DeliveryRejected(
                "compression:unsupported", f"{path}: is {other}; deliver it plain, as gzip or as zstd"
            )
        compressed = head.startswith((GZIP, ZSTD))
        chunks = _hashed(source, digest)
        codec = codecs.lookup(encoding).name
        if not compressed:
            mark = _mark(path, head, codec)
            if codec in ("utf-8", "utf-8-sig", "ascii"):
                for _ in chunks:
                    pass
                return PlainFile(path.name, path, digest.hexdigest(), file.size, mark)
        limits = unpacking or Unpacking(file.size, work)
        plain = decompressed(path, chunks, head, limits) if compressed else chunks
        copy = work / f"{hashlib.sha256(os.fsencode(file.path)).hexdigest()[:16]}.plain"
        size, skip = _write(path, plain, codec, copy)
    return PlainFile(path.name, copy, digest.hexdigest(), size, skip)


def _hashed(source: IO[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        yield chunk


def _mark(path: Path, head: bytes, codec: str) -> int:
    """The length of the UTF-8 byte order mark; another encoding's mark is a wrong encoding."""
    for mark, name in MARKS:
        if head.startswith(mark):
            if name == "utf-8" and codec in ("utf-8", "utf-8-sig", "ascii"):
                return len(mark)
            if not codec.startswith(name):
                raise DeliveryRejected(
                    "encoding:mark", f"{path}: begins with the byte order mark of {name}, but the contract says {codec}"
                )
            return 0
    return 0


def _write(path: Path, chunks: Iterator[bytes], codec: str, copy: Path) -> tuple[int, int]:
    """Write the text as UTF-8; bytes that a one-byte encoding does not have stay as they are and are reported later."""
    utf8 = codec in ("utf-8", "utf-8-sig", "ascii")
    decoder = None
    skip = size = 0
    wide = codec.startswith(("utf-16", "utf-32", "utf_16", "utf_32"))
    looks_like_utf8 = _Utf8Probe() if not utf8 and not wide else None
    with copy.open("wb") as target:
        try:
            for number, chunk in enumerate(chunks):
                if number == 0:
                    skip = _mark(path, chunk, codec)
                    if not utf8:
                        decoder = codecs.getincrementaldecoder(codec)("strict" if wide else "surrogateescape")
                if looks_like_utf8 is not None:
                    looks_like_utf8.feed(chunk)
                data = chunk if decoder is None else decoder.decode(chunk).encode("utf-8", "surrogateescape")
                size += target.write(data)
            if decoder is not None:
                size += target.write(decoder.decode(b"", final=True).encode("utf-8", "surrogateescape"))
        except UnicodeError as error:
            raise DeliveryRejected(
                "encoding:invalid", f"{path}: is not {codec} text ({type(error).__name__})"
            ) from None
    if looks_like_utf8 is not None and looks_like_utf8.certain():
        raise DeliveryRejected(
            "encoding:utf8", f"{path}: is UTF-8 text, but the contract says {codec}; its letters would be changed"
        )
    return size, skip


class _Utf8Probe:
    """Tells UTF-8 text that was declared as a one-byte encoding: other text is hardly ever valid UTF-8."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._letters = 0
        self._valid = True

    def feed(self, chunk: bytes) -> None:
        if self._valid and not (chunk.isascii() and not self._letters):
            try:
                text = self._decoder.decode(chunk)
            except UnicodeDecodeError:
                self._valid = False
            else:
                self._letters += len(chunk) - len(text)

    def certain(self) -> bool:
        return self._valid and self._letters > 0


def file_hash(file: FileVersion) -> str:
    """The SHA-256 of a file's bytes, as hex digits."""
    digest = hashlib.sha256()
    with open_regular(Path(file.path)) as source:
        for _ in _hashed(source, digest):
            pass
    return digest.hexdigest()
