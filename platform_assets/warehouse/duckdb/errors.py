"""What DuckDB's errors mean for the caller: the statement and its data, or the machine under them.

Only a class of error that a statement or its data can cause becomes ``StatementFailed``, from which callers may
conclude that a partition is bad. Everything else, errors not known here among them, says nothing about the data.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import duckdb

from platform_assets.warehouse.errors import (
    StatementFailed,
    StorageFault,
    WarehouseError,
    WarehouseExhausted,
    WarehouseUnreadable,
)

_FULL = ("No space left on device", "File too large", "Disk quota exceeded", "failed to offload")
_NO_DATABASE = (
    *("not a valid DuckDB database", "Could not read enough bytes", "checksum", "Checksum"),
    *("file is not a database", "database disk image is malformed"),
)
"""Of DuckDB and of SQLite."""
_OF_STATEMENTS = (
    *(duckdb.ProgrammingError, duckdb.DataError, duckdb.IntegrityError, duckdb.NotSupportedError),
    *(duckdb.DependencyException, duckdb.PermissionException, duckdb.SequenceException),
)
_OF_VALUES = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)
_VALUE = re.compile(r"[\"'].*[\"']|(?<=with value ).*")
"""What DuckDB quotes of rows in errors of these classes: such a text ends in the ledger and in alerts. A value may have
quotes in it, so all from the first one to the last is taken for one."""

# what the operating system says of itself; a missing file and an impossible offset are the fault of who asked
_OF_WHO_ASKED = {errno.ENOENT, errno.EINVAL, errno.EDOM, errno.ERANGE}
_OF_THE_SYSTEM = tuple(os.strerror(code) for code in sorted(errno.errorcode.keys() - _OF_WHO_ASKED))
_OF_SQLITE = ("unable to open database file", "disk I/O error")
"""What the catalog of a DuckLake says where it may open no file more, or its disk is gone."""
_NO_FILE = re.compile(r'No files found that match the pattern "(?P<path>[^"]*)"')
_FILE = re.compile(r'(?:[Ff]ile|pattern) "(?P<path>[^"]*)"')
_DAMAGED = re.compile(
    r"No files found that match|Could not read enough bytes from file|Could not read from file .*: "
    rf"{os.strerror(errno.EINVAL)}|Cannot open file .*: {os.strerror(errno.ENOENT)}"
)

_CLASS = re.compile(r"(?:^[ \t]*|Exception: )(?P<name>[A-Z][A-Za-z]*(?: [A-Za-z]+){0,3}) Error: ", re.MULTILINE)
"""How DuckDB begins the text of an error, such as `Out of Range Error: `."""
_STATEMENT_CLASSES = frozenset(
    {
        *("Binder", "Catalog", "Constraint", "Conversion", "Decimal", "Dependency", "Divide by Zero", "Expression"),
        *("Invalid", "Invalid Input", "Invalid type", "Mismatch Type", "Not implemented", "Object Size"),
        *("Out of Range", "Parameter Not Allowed", "Parameter Not Resolved", "Parser", "Permission", "Sequence"),
        *("Syntax", "Unknown Type"),
    }
)


def blames_statement(text: str, database: Path) -> bool | None:
    """Whether the text of an error, as another tool passes it on, is the fault of a statement or its data.

    None where no line of it begins as an error of DuckDB does.
    """
    found = _CLASS.search(text)
    if found is None:
        return False if any(sign in text for sign in _OF_THE_SYSTEM) else None
    if found["name"] == "IO":
        return not _is_full(text) and isinstance(_of_a_file(text, database, by_class=True), StatementFailed)
    return found["name"] in _STATEMENT_CLASSES


def translated(error: duckdb.Error, database: Path) -> WarehouseError:
    """The platform's error for one that a statement on ``database`` raised."""
    text = str(error)
    if isinstance(error, _OF_VALUES):
        # further lines show the value once more, or the statement
        return StatementFailed(_VALUE.sub(_shown, text.splitlines()[0]))
    if isinstance(error, _OF_STATEMENTS):
        return StatementFailed(text)
    if isinstance(error, duckdb.OutOfMemoryException) or _is_full(text):
        return _exhausted(text, of_memory=not _is_full(text))
    # a Parquet file with a broken footer is an error of no class at all
    if isinstance(error, duckdb.IOException) or type(error) is duckdb.Error:
        return _of_a_file(text, database, by_class=isinstance(error, duckdb.IOException))
    return WarehouseError(text)


def _shown(quoted: re.Match[str]) -> str:
    """What stands for something that an error quotes: the file that a statement read is no value of a row."""
    text = quoted[0]
    return text if text.startswith(("'/", '"/')) and text[1:-1].endswith(".parquet") else "'...'"


def unreadable(path: Path, error: Exception, *, whole: str = "it") -> WarehouseError:
    """The error for a database that cannot be opened or made; ``whole`` is what has to go where one begins anew."""
    text = str(error)
    if _is_full(text):
        return WarehouseExhausted(f"{path}: {text}. Free some space, then run again.")
    if any(sign in text for sign in _NO_DATABASE):
        advice = (
            f"It is damaged or something else: restore it, or move {whole} away and load all partitions from the lake."
        )
    elif os.strerror(errno.EACCES) in text:
        advice = "Give this user write permission on the file and its folder."
    elif any(os.strerror(code) in text for code in (errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS, errno.ESTALE)):
        return _fault(f"{path}: {text}")
    else:
        advice = "Check the path of the warehouse."
    return WarehouseUnreadable(f"{path} cannot be opened as a warehouse: {text} {advice}")


def _of_a_file(text: str, database: Path, *, by_class: bool) -> WarehouseError:
    named = _FILE.search(text)
    # its log and its spilled rows lie beside it, under its name and a suffix
    of_database = named is not None and f"{named['path']}.".startswith(f"{database}.")
    missing = _NO_FILE.search(text)
    if of_database or (missing is not None and not _is_gone(missing["path"])):
        return _fault(text)
    if _DAMAGED.search(text) is not None:
        return StatementFailed(text)
    if by_class or any(sign in text for sign in (*_OF_THE_SYSTEM, *_OF_SQLITE)):
        return _fault(text)
    return StatementFailed(text)


def _is_gone(pattern: str) -> bool:
    """Whether a file that DuckDB did not find is not there; a folder that may not be read looks the same to it."""
    try:
        Path(re.sub(r"\[([*?\[])\]", r"\1", pattern)).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def _is_full(text: str) -> bool:
    """Whether the text of an error speaks of a full disk or memory."""
    return any(sign.lower() in text.lower() for sign in _FULL)


def _exhausted(text: str, *, of_memory: bool) -> WarehouseExhausted:
    return WarehouseExhausted(
        f"{text}. The transaction was rolled back, what was published before is unchanged. Free some space (or raise "
        f"memory_limit), then run again.",
        of_memory=of_memory,
    )


def _fault(text: str) -> StorageFault:
    return StorageFault(
        f"{text.splitlines()[0].rstrip('.')}. This is a fault of the machine and says nothing about the data: nothing "
        f"was audited or published. Mend it, then run again."
    )
