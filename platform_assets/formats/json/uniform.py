"""Large files of JSON lines that are all of one shape, read by DuckDB itself.

What one program writes mostly has the same keys in the same order on each line. One regular expression then knows a
line in full: the keys, texts in JSON's grammar, numbers that a double holds digit by digit. Of such a line DuckDB's
reader makes exactly what ``strict`` would. The first line that is of another shape ends the reading, and the file is
read by ``reader``. What the expression lets through is compared with ``strict`` in tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence

from platform_assets.contracts.model import Column, Contract, LogicalType
from platform_assets.formats.json.fields import NUMERIC
from platform_assets.formats.json.keys import Keys
from platform_assets.formats.json.quick import strict_document
from platform_assets.formats.json.template import PLAIN
from platform_assets.formats.lines import Array
from platform_assets.formats.locating import locate
from platform_assets.formats.plain_files import PlainFile
from platform_assets.formats.raw_records import StructureDoubt, fetch, survey
from platform_assets.formats.source import RecordText, Source
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal, path_literal
from platform_assets.sql.row_rules import Check

LARGE = 8 << 20
"""Bytes of a file that is read so: for a smaller one, what it saves is less than a statement costs."""
MARK = "\x01"
"""Stands in no JSON, so that it can part the fields of a line that is to be one."""
ABSENT = ("CAST(NULL AS VARCHAR)", "VARCHAR")
SAMPLE = 64 << 10
"""Bytes at the file's start, in its middle and at its end whose lines are looked at first."""
HEX = "[0-9a-fA-F]"
UNICODE = (
    rf"[1-9a-cA-CeEfF]{HEX}{{3}}|[dD][0-7]{HEX}{{2}}|0[1-9a-fA-F]{HEX}{{2}}|00[1-9a-fA-F]{HEX}|000[1-9a-fA-F]"
    rf"|[dD][89abAB]{HEX}{{2}}\\u[dD][c-fC-F]{HEX}{{2}}"
)
"""What may follow on ``\\u``: any character but NUL, and surrogates in pairs only."""
TEXT = rf'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u(?:{UNICODE})))*"'
NUMBER = (
    r"0|-?(?:[1-9][0-9]{0,17}|[1-9][0-9]{0,2}\.[0-9]{1,12}|[1-9][0-9]{3,5}\.[0-9]{1,9}|[1-9][0-9]{6,8}\.[0-9]{1,6}"
    r"|0\.0{0,3}[1-9][0-9]{0,10}|0\.0{1,15})"
)
"""At most 15 digits with a point, 18 without: read as a double, or as an integer of 64 bits, and written as its
shortest text, it is the same number. A number below 0.0001 is not, since that text has an exponent."""
ANY_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
RECORD = '"_record"'


def open_uniform(contract: Contract, file: PlainFile) -> Source:
    """The file as it lies, by DuckDB's reader; :class:`StructureDoubt` when only ``reader`` can tell its rows."""
    sample = _sample(file)
    keys = _keys(contract, sample[0]) if sample else ()
    pattern = _pattern(contract, keys)
    if not keys or not all(map(re.compile(pattern).fullmatch, sample)):
        raise StructureDoubt("lines of several shapes")
    records = survey(file.path, 0, "", MARK, 1).records
    found = Keys(contract, file.name)
    found.count(keys, records)
    wanted = {column.source_name for column in contract.columns} & {*keys}
    struct = literal(json.dumps(dict.fromkeys(sorted(wanted), "VARCHAR"), ensure_ascii=False))
    lines = (
        f"read_csv({path_literal(file.path)}, auto_detect = false, hive_partitioning = false, header = false, "
        f"columns = {{'line': 'VARCHAR'}}, delim = {literal(MARK)}, quote = '', escape = '', compression = 'none', "
        "strict_mode = true)"
    )
    relation = f'(SELECT line AS "_line", json_transform(line, {struct}) AS "_values" FROM {lines})'
    expressions = tuple(
        (f'"_values".{quoted(column.source_name)}', "VARCHAR") if column.source_name in wanted else ABSENT
        for column in contract.columns
    )

    def raw(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        return fetch(file.path, 0, "", numbers)

    def find(texts: Collection[bytes]) -> Iterator[tuple[int, int, bytes]]:
        return locate(file.path, 0, texts)

    same = f"regexp_full_match({RECORD}, {literal(pattern)})"
    ends = f"CASE WHEN {same} THEN true ELSE error('a line of another shape') END"
    return Source(
        (file.name,), relation, expressions, records, 0, raw, text=RecordText(RECORD, find),
        checks=(Check("structure:json", ends),), warnings=found.compare(records, 0), record='"_line"',
    )  # fmt: skip


def _sample(file: PlainFile) -> list[str]:
    """Lines from the file's start, middle and end."""
    if file.skip:
        raise StructureDoubt("a byte order mark")
    lines: list[bytes] = []
    with file.path.open("rb") as source:
        for start in (0, file.size // 2, max(0, file.size - SAMPLE)):
            source.seek(start)
            found = source.read(SAMPLE).split(b"\n")
            lines += found[bool(start) : -1]
    try:
        return [line.strip().decode() for line in lines if line.strip()]
    except UnicodeDecodeError:
        raise StructureDoubt("bytes that are not UTF-8") from None


def _keys(contract: Contract, line: str) -> tuple[str, ...]:
    """The keys of a line, where lines with these keys can be told by an expression."""
    document = strict_document(line.encode())
    columns = {column.source_name: column for column in contract.columns}
    fits = (
        isinstance(document, dict)
        and all(map(PLAIN.fullmatch, document))
        and (contract.extra_columns or columns.keys() >= document.keys())
        # names in a struct of DuckDB differ in more than their case
        and len({name.lower() for name in columns.keys() & document.keys()}) == len(columns.keys() & document.keys())
        and not any(column.path or column.type is LogicalType.JSON for column in contract.columns)
        and all(column.decimal_separator == "." for column in contract.columns)
    )
    if not fits:
        raise StructureDoubt("lines that no expression can tell")
    return tuple(document)


def _pattern(contract: Contract, keys: Sequence[str]) -> str:
    """An expression, in what Python's and DuckDB's grammar have in common, for lines with the keys."""
    columns = {column.source_name: column for column in contract.columns}
    pairs = [f'"{re.escape(key)}" *: *(?:{_value(columns.get(key))}|null)' for key in keys]
    return rf"\{{ *{' *, *'.join(pairs)} *\}}"


def _value(column: Column | None) -> str:
    """A value that the column takes; of a key that is left out, any that is no object or array."""
    if column is None:
        return f"{TEXT}|{ANY_NUMBER}|true|false"
    if column.type in NUMERIC:
        return f"{TEXT}|{NUMBER}"
    return f"{TEXT}|true|false" if column.type is LogicalType.BOOLEAN else TEXT
