"""What a delivery's manifest may look like: the names of its files, as lines of text or as JSON.

No file is looked at here. Whether what is listed is there is the business of ``manifests``.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from platform_assets.failures import Kind, PlatformError

DIGESTS = (32, 40, 56, 64, 96, 128)
"""Hex digits of MD5, SHA-1 and SHA-2."""

_DIGEST = re.compile(rf"(\\?)(?:{'|'.join(f'[0-9a-fA-F]{{{digits}}}' for digits in DIGESTS)}) [ *](.+)")
_SIZED = re.compile(r"(\d+)[ \t]+(\S.*)")
_ESCAPED = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
_KEYS = ("name", "path")


class ManifestError(PlatformError, ValueError):
    """The manifest cannot be read; the message says in which line or item, and why."""

    kind = Kind.REJECTED
    code = "manifest"


@dataclass(frozen=True)
class ListedFile:
    """A file that a manifest lists: its ``path`` below the landing place, its ``size`` in bytes if that is said.

    ``where`` is the line or the item of the manifest.
    """

    path: str
    size: int | None
    where: str


def read_manifest(content: bytes, path: str) -> list[ListedFile]:
    """The files that the manifest at ``path`` (below the landing place) lists; names are relative to its folder.

    Text that begins with a bracket or a brace is JSON: a list, or an object whose ``files`` is one, of names or of
    objects with ``name`` or ``path``, and ``size`` in bytes. Other text has a name a line, after a size or a digest as
    `sha256sum` and `md5sum` write it, if any. Empty lines and those that begin with ``#`` are passed over.

    Raises:
        ManifestError: with the line or item that cannot be read.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ManifestError(f"line {line}: is not UTF-8") from None
    read = _json if text.lstrip()[:1] in ("[", "{") else _lines
    found: dict[str, ListedFile] = {}
    for name, size, where in read(text):
        file = ListedFile(_below(name, path, where), size, where)
        known = found.setdefault(file.path, file)
        if known.size != file.size:
            raise ManifestError(f"{where}: {name!r} is listed before, in {known.where}, with another size")
    return list(found.values())


def _lines(text: str) -> Iterator[tuple[str, int | None, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        given, where = line.strip(), f"line {number}"
        if not given or given.startswith("#"):
            continue
        if digest := _DIGEST.fullmatch(given):
            escaped, name = digest.groups()
            # as sha256sum writes a name that holds a line break or a backslash
            yield (re.sub(r"\\[\\nr]", lambda sign: _ESCAPED[sign[0]], name) if escaped else name), None, where
        elif sized := _SIZED.fullmatch(given):
            yield sized[2], int(sized[1]), where
        else:
            yield given, None, where


def _json(text: str) -> Iterator[tuple[str, int | None, str]]:
    try:
        data: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise ManifestError(f"line {error.lineno}: is no JSON ({error.msg})") from None
    except RecursionError:
        raise ManifestError("line 1: is nested too deeply") from None
    items = data.get("files") if isinstance(data, dict) else data
    if not isinstance(items, list):
        raise ManifestError("line 1: must be a list of files, or an object with such a list as `files`")
    for number, item in enumerate(items, start=1):
        where = f"item {number}"
        if isinstance(item, str):
            yield item, None, where
            continue
        names = [item[key] for key in _KEYS if key in item] if isinstance(item, dict) else []
        if len(names) != 1 or not isinstance(names[0], str):
            raise ManifestError(f"{where}: must be a name, or an object with a text as `name` or `path`")
        size = item.get("size")
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
            raise ManifestError(f"{where}: `size` must be a whole number of bytes")
        yield names[0], size, where


def _below(name: str, manifest: str, where: str) -> str:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(manifest), name))
    if not name or "\0" in name or "://" in name or name.startswith("/") or path.split("/")[0] in ("..", "."):
        raise ManifestError(
            f"{where}: {name!r} is no name of a file relative to the manifest's folder, in the landing folder"
        )
    return path
