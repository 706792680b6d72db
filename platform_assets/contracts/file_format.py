"""How the files of a feed are written: format, delimiter, quote, encoding, texts that mean null."""

from __future__ import annotations

import codecs
import re
from typing import Any

from platform_assets.announced import FORMATS as FORMATS_GROUP
from platform_assets.announced import announced
from platform_assets.contracts.asked import Asked
from platform_assets.contracts.model import FileFormat, FileKind
from platform_assets.contracts.problems import Findings, Path_, suggestion
from platform_assets.contracts.properties import custom, mappings

FORMATS = {
    "csv": FileKind.CSV, "tsv": FileKind.CSV, "delimited": FileKind.CSV, "json": FileKind.JSONL,
    "jsonl": FileKind.JSONL, "ndjson": FileKind.JSONL, "jsonlines": FileKind.JSONL, "parquet": FileKind.PARQUET,
}  # fmt: skip
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
SERVER_CUSTOM = frozenset({"delimiter", "encoding", "quote", "escape", "header", "nullStrings"})
NO_FILES = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")


def read_format(data: dict[str, Any], asked: Asked, findings: Findings) -> FileFormat:
    """How the files are written.

    The format is that of defs.yaml, else of the first server with a format that is known here, else what the names of
    the files end in. Servers say much else where data may lie, so one of another format is no mistake: it is noted.
    """
    servers = mappings(data, "servers")
    for index, server in servers:
        word = server.get("format")
        if word is not None and (asked.format is None or _kind(word) == _kind(asked.format)):
            path = ("servers", index)
            if (kind := _kind(word)) is not None:
                return _format(str(word).lower(), kind, server, path, findings)
            if asked.format is None and (hint := suggestion(str(word), _known())):
                findings.problem((*path, "format"), f"{word!r} must be one of {_words()}{hint}")
                return FileFormat(FileKind.CSV)
            findings.note((*path, "format"), f"{word!r} is not read by the platform, which takes {_words()}")
    word = asked.format or _ending(asked.files)
    kind = None if word is None else _kind(word)
    if word is not None and kind is not None:
        # one that says how text is written, and nothing of its format, is meant
        index, server = next(((index, server) for index, server in servers if server.get("format") is None), (0, {}))
        return _format(word.lower(), kind, server, ("servers", index), findings)
    message = (
        f"no format of files is named: `format:` in defs.yaml, or an entry here with one of {_words()}, or the names "
        "of the files say it"
    )
    if asked.format is not None:
        findings.problem(("servers",), f"format: {asked.format!r} of defs.yaml must be one of {_words()}")
    elif asked.for_feed:
        findings.problem(("servers",), message)
    else:
        findings.note(("servers",), message)
    return FileFormat(FileKind.CSV)


def _known() -> dict[str, Any]:
    return {**FORMATS, **announced(FORMATS_GROUP)}


def _words() -> str:
    return ", ".join(["csv", "json", "parquet", *sorted(announced(FORMATS_GROUP))])


def _kind(word: object) -> FileKind | str | None:
    text = str(word).lower()
    return FORMATS.get(text) or (text if text in announced(FORMATS_GROUP) else None)


def _ending(files: str | None) -> str | None:
    """The last ending of the files' names that is a format, such as ``csv`` of ``orders_*.csv.gz``."""
    name = (files or "").rsplit("/", 1)[-1]
    return next((word for word in reversed(re.split(r"[^A-Za-z0-9]+", name)[1:]) if _kind(word) is not None), None)


def _format(word: str, kind: FileKind | str, server: dict[str, Any], path: Path_, findings: Findings) -> FileFormat:
    properties = custom(server, path, SERVER_CUSTOM, findings)
    values = {name: value for name, (value, _) in properties.items()}
    delimiter = values.get("delimiter", server.get("delimiter"))
    encoding = str(values.get("encoding", server.get("encoding")) or "utf-8")
    if not _is_text(encoding):
        findings.problem(
            (*path, "encoding"), f"{encoding!r} is no encoding of text that Python knows, such as utf-8 or latin-1"
        )
        encoding = "utf-8"
    if kind not in list(FileKind):
        return FileFormat(kind, encoding=encoding)
    if kind is FileKind.JSONL:
        if delimiter == "array":
            findings.problem(
                (*path, "delimiter"), "'array' is not supported: JSON must have one object on each line (new_line)"
            )
        return FileFormat(kind, encoding=encoding)
    if kind is FileKind.PARQUET:
        return FileFormat(kind)
    delimiter = DELIMITERS.get(str(delimiter), delimiter) if delimiter is not None else "\t" if word == "tsv" else ","
    quote = values.get("quote", '"')
    escape = values.get("escape", quote)
    for name, text in (("delimiter", delimiter), ("quote", quote), ("escape", escape)):
        if (
            not isinstance(text, str)
            or (len(text) != 1 and name == "delimiter")
            or len(text) > 1
            or not text.isascii()
            or (text in "\r\n" and text)
        ):
            findings.problem(
                properties.get(name, (None, (*path, name)))[1], f"{name} must be one ASCII character, not {text!r}"
            )
            return FileFormat(kind)
    if quote and escape not in (quote, "", "\\"):
        findings.problem(
            properties.get("escape", (None, path))[1], "escape must be the quote itself (doubled quotes) or a backslash"
        )
    header = values.get("header", True)
    if not isinstance(header, bool):
        findings.problem(properties["header"][1], f"header must be true or false, not {header!r}")
        header = True
    nulls = values.get("nullStrings", [""])
    if not isinstance(nulls, list) or not all(isinstance(word, str) for word in nulls):
        findings.problem(
            properties["nullStrings"][1], "nullStrings must be a list of texts, in quotes where YAML needs them"
        )
        nulls = [""]
    return FileFormat(kind, delimiter, quote, escape or quote, encoding, header, tuple(nulls))


def _is_text(encoding: str) -> bool:
    """Whether files can be in it: Python also names ways to pack bytes, and to write domain names, encodings."""
    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):
        return False
    return getattr(found, "_is_text_encoding", True) and found.name not in NO_FILES
