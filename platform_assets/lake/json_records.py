"""Records of the lake read back from their JSON, with every field checked.

Which records there are is in ``manifest``. Here a file that is torn, foreign or closed becomes one error, which
names it; it costs its own partition and no other.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import stat
import types
import typing
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from platform_assets.failpoints import failpoint
from platform_assets.lake.errors import RecordTooNew, RecordUnreadable
from platform_assets.lake.names import shown

FORMAT = 2
"""The format of records that this version writes: manifests, rejections and quarantines.

1 had no such number. 2 adds it, the rows by each rule, the kind of a rejection, and what the system says of when a
file changed.
"""

OF_THE_FILE = frozenset(
    {errno.EIO, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL, errno.EBADMSG}
)
"""Errors that one file can have alone: it is damaged, closed, or no file. The next ingestion replaces it.

All others say nothing about the file. The rule for deliveries is stricter, for a record is no data: replacing a closed
or damaged one is its mending, and refusing a closed delivery would be a verdict on data that nobody has seen.
"""


class _Record(Protocol):
    @property
    def feed(self) -> str: ...
    @property
    def partition(self) -> str: ...


R = TypeVar("R", bound=_Record)


def read_record(path: Path, from_json: Callable[[bytes], R], feed: str, partition: str) -> R | None:
    """The record in ``path``, or None where there is no such file.

    Raises :class:`RecordUnreadable` if it cannot be read, is no such record, or is that of another partition.
    """
    try:
        failpoint("lake.record.open")
        text = _content(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise RecordUnreadable(path, why, replaceable=error.errno in OF_THE_FILE) from error
    if not text.strip(b"\0 \t\r\n"):
        raise RecordUnreadable(path, "it is empty")
    try:
        record = from_json(text)
    except FormatTooNew as error:
        raise RecordTooNew(path, error.found, FORMAT) from None
    except UnicodeDecodeError:
        raise RecordUnreadable(path, "it is not UTF-8") from None
    except RecursionError:
        raise RecordUnreadable(path, "it is nested too deeply") from None
    except ValueError as error:
        raise RecordUnreadable(path, str(error) or type(error).__name__) from None
    if (record.feed, record.partition) != (feed, partition):
        raise RecordUnreadable(path, f"it is the record of {shown(record.feed)} {shown(record.partition)}")
    return record


def _content(path: Path) -> bytes:
    # to open a pipe otherwise is to wait for somebody who writes into it, for ever
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        return file.read()


class FormatTooNew(ValueError):
    """A record of a later format than :data:`FORMAT`."""

    def __init__(self, found: int) -> None:
        self.found = found
        super().__init__(f"its format is {found}, and this version reads up to {FORMAT}")


def content(text: bytes) -> dict[str, Any]:
    """The fields of a record without its format; ValueError says what is wrong with it."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError(f"it holds {_named(data)} instead of an object")  # noqa: TRY004 - of a file, not of code
    check_format(data)
    return {key: value for key, value in data.items() if key != "format"}


def check_format(data: dict[str, Any]) -> None:
    """Refuse a format that this version does not read; no number is format 1."""
    found = data.get("format", 1)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ValueError(f"its field 'format' holds {_named(found)}")
    if found > FORMAT:
        raise FormatTooNew(found)


D = TypeVar("D")


def built(kind: type[D], data: Any) -> D:
    """The dataclass ``kind`` from what JSON gave; ValueError names the first field that is not as it should be."""
    if not isinstance(data, dict):
        raise ValueError(f"it holds {_named(data)} instead of an object")  # noqa: TRY004 - of a file, not of code
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in data:
        if name not in fields:
            raise ValueError(f"it has the field {shown(name)[:60]!r}, which is not known")
    for name, field in fields.items():
        if name not in data and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"it has no field {name!r}")
    hints = _hints(typing.cast(type, kind))
    return kind(**{name: _value(name, value, hints[name]) for name, value in data.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(name: str, value: Any, hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal and value in arguments:
        return value
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _value(name, value, arguments[0])
    if origin is tuple and isinstance(value, list):
        if arguments[-1] is Ellipsis:
            return tuple(_value(name, item, arguments[0]) for item in value)
        if len(value) == len(arguments):
            return tuple(_value(name, item, part) for item, part in zip(value, arguments, strict=True))
    if origin is dict and isinstance(value, dict):
        return {key: _value(name, item, arguments[1]) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return built(typing.cast(type, hint), value)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if origin is None and type(value) is hint:
        return value
    raise ValueError(f"its field {name!r} holds {_named(value)}")


def _named(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
