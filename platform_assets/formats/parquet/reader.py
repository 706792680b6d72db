"""Parquet as a source: typed columns, matched by name, each of a type that fits the contract's without a guess.

What the types are is read from the file itself, in ``footer``; what is made of them, in ``types``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from platform_assets.contracts.model import Column, Contract, LogicalType
from platform_assets.formats.drift import compare_columns
from platform_assets.formats.duckdb_errors import is_of_machine, words_of
from platform_assets.formats.parquet.annotations import group_change, group_fault
from platform_assets.formats.parquet.footer import NAME, Change, Element, Footer, FooterFault, amended, read_footer
from platform_assets.formats.parquet.nested import ShapeFault, converted, guard, shape_of
from platform_assets.formats.parquet.rows import FILE_INDEX, ROW_NUMBER, raw_rows, reading_sql
from platform_assets.formats.parquet.texts import row_text, value_text
from platform_assets.formats.parquet.thrift import ThriftFault
from platform_assets.formats.parquet.types import STRIPPED, Reading, reading, reading_text
from platform_assets.formats.source import Conversion, Source
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import path_literal
from platform_assets.sql.row_rules import accepts
from platform_assets.sql.types import sql_type

NULLS = ("CAST(NULL AS VARCHAR)", "VARCHAR")
"""SQL and type of a column that is not there, or holds no value."""


@dataclass(frozen=True)
class _Table:
    """What DuckDB makes of the files: their ``relation``, in their order the names and types of the columns, and the
    SQL of a row's number."""

    relation: str
    names: list[str]
    types: list[str]
    number: str


def footer_of(path: Path) -> Footer:
    """The footer of a delivered file, or why it is none."""
    try:
        return read_footer(path)
    except FooterFault as fault:
        raise DeliveryRejected(
            "structure:parquet", f"{path}: is not an intact Parquet file: {fault}; deliver it again"
        ) from None


def open_parquet(
    contract: Contract, footers: Sequence[Footer], engine: duckdb.DuckDBPyConnection, copy: Path
) -> Source:
    """The rows of the files, which have to be of one schema; their footers tell their number.

    Where DuckDB reads a type otherwise than the files have it, copies beside ``copy`` are written: the same pages
    under a footer that gives the stored values.
    """
    footer, path = footers[0], footers[0].path
    names = [element.name for element in footer.columns]
    warnings: tuple[str, ...] = ()
    for each in footers:
        warnings += compare_columns(contract, names, each.path.name, ordered=False)
    _refuse_twins(contract, names, path.name)
    wanted = {column.source_name for column in contract.columns}
    readings = {e.name: [reading(leaf) for leaf in e.leaves()] for e in footer.columns if e.name in wanted}
    elements = {element.name: element for element in footer.columns}
    for column in contract.columns:
        element = elements.get(column.source_name)
        if element is None:
            continue
        if column.type is LogicalType.STRING and element.physical is not None and not element.repeated:
            readings[element.name] = [reading_text(element)]
        try:
            _refuse_types(column, element, readings[element.name], path.name)
        except DeliveryRejected:
            if not _is_all_null(engine, footers, element.name):
                raise
            del readings[element.name]
    changes = _changes(footer, readings)
    readable = [each.for_sql or each.path for each in footers]
    if changes:
        readable = [copy.with_name(f"{copy.name}.{at}") for at in range(len(footers))]
        for each, target in zip(footers, readable, strict=True):
            try:
                amended(each.path, changes, target)
            except (FooterFault, ThriftFault) as fault:
                raise DeliveryRejected(
                    "structure:parquet", f"{each.path}: is not an intact Parquet file: {fault}; deliver it again"
                ) from None
    table = _table(engine, readable, footers)
    if len(table.names) != len(footer.columns):
        raise DeliveryRejected(
            "structure:parquet", f"{path}: has {len(footer.columns)} columns, of which DuckDB reads {len(table.names)}"
        )
    expressions: list[tuple[str, str]] = []
    conversions: dict[int, Conversion] = {}
    places = {name: place for place, name in enumerate(names)}
    for index, column in enumerate(contract.columns):
        if column.source_name not in readings:
            expressions.append(NULLS)
            continue
        place = places[column.source_name]
        try:
            sql, kind, conversion = _read(
                engine, column, footer.columns[place], readings[column.source_name], table.names[place],
                table.types[place],
            )  # fmt: skip
        except ShapeFault as fault:
            raise DeliveryRejected(
                "drift:type", f"{path.name}: the column {column.source_name!r} is {fault}, which cannot be read exactly"
            ) from None
        if not accepts(column, conversion.kind if conversion is not None else kind):
            if _is_all_null(engine, footers, column.source_name):
                expressions.append(NULLS)
                continue
            raise _other_type(column, path.name, conversion.kind if conversion is not None else kind)
        if any(each.utc for each in readings[column.source_name]) and column.type is not LogicalType.JSON:
            warnings += _of_utc(column, path.name)
        expressions.append((sql, kind))
        if conversion is not None:
            conversions[index] = conversion
    text = row_text(contract, footer, readings, table.names, [each.rows for each in footers])
    values = [
        (name, value_text(quoted(name), element, readings))
        for name, element in zip(table.names, footer.columns, strict=True)
    ]
    raw = raw_rows(engine, values, readable, [each.rows for each in footers])
    return Source(
        tuple(each.path.name for each in footers), table.relation, tuple(expressions),
        sum(each.rows for each in footers), 0, raw, table.number, warnings=warnings,
        empty=tuple(each.path.name for each in footers if each.rows == 0), conversions=conversions, row_text=text,
    )  # fmt: skip


def _read(
    engine: duckdb.DuckDBPyConnection, column: Column, element: Element, readings: list[Reading], name: str, kind: str
) -> tuple[str, str, Conversion | None]:
    """SQL and type of what DuckDB reads for one column, and what is made of it."""
    sql = quoted(name)
    if element.physical is not None and not element.repeated:
        found = readings[0]
        if found.kind == "NULL":
            return "CAST(NULL AS VARCHAR)", "VARCHAR", None
        convert = found.convert or found.cast
        if found.utc and column.type is not LogicalType.TIMESTAMP_TZ:
            convert = None
        if found.guard is None and convert is None:
            return sql, kind, None
        made = (found.kind if convert is not None else "") or kind
        return sql, kind, Conversion(made, convert or _same, found.guard or _always)
    if column.type is not LogicalType.JSON:
        return sql, kind, None
    rest = iter(readings)
    shape = shape_of(engine.sqltype(kind), rest)
    if next(rest, None) is not None:
        raise ShapeFault("with more stored columns than fields")

    def text(x: str) -> str:
        # as a text it is held to the rules of JSON: DuckDB writes infinity and repeated keys, too
        return f"CASE WHEN {x} IS NOT NULL THEN CAST(to_json({converted(shape, x)}) AS VARCHAR) END"

    return sql, kind, Conversion("VARCHAR", text, lambda x: guard(shape, x))


def _same(x: str) -> str:
    return x


def _always(_: str) -> str:
    return ""


def _of_utc(column: Column, file: str) -> tuple[str, ...]:
    if column.type is LogicalType.TIMESTAMP_TZ:
        return ()
    return (
        f"{file}: the column {column.source_name!r} has moments in UTC, by the old annotation of its type; they were "
        "read as times without a zone, as the contract says",
    )


def _refuse_twins(contract: Contract, names: list[str], file: str) -> None:
    by_letters: dict[str, list[str]] = {}
    for name in names:
        by_letters.setdefault(name.lower(), []).append(name)
    for column in contract.columns:
        twins = by_letters.get(column.source_name.lower(), [])
        if len(twins) > 1 and column.source_name in twins:
            raise DeliveryRejected(
                "drift:duplicate",
                f"{file}: the columns {', '.join(map(repr, twins))} differ by upper and lower case only, so neither "
                "can be told from the other in a table; deliver one of them",
            )


def _refuse_types(column: Column, element: Element, readings: list[Reading], file: str) -> None:
    """Refuse a column of which something cannot be read as the file has it."""
    fault = next(
        ((each.refused, leaf) for each, leaf in zip(readings, element.leaves(), strict=True) if each.refused), None
    )
    if fault is not None:
        within = f" (in its field {fault[1].name!r})" if element.physical is None else ""
        raise DeliveryRejected(
            "drift:type",
            f"{file}: the column {column.source_name!r}{within} is {fault[0]}; the contract says {column.type} "
            f"({sql_type(column)}). Deliver it as a type that the contract's can be read from without a guess",
        )
    parents = {child.index: group for group in element.groups() for child in group.children}
    for group in element.groups():
        wrong = group_fault(group, parents.get(group.index))
        if wrong:
            raise DeliveryRejected(
                "drift:type", f"{file}: the column {column.source_name!r} has {wrong} ({group.name!r}); write it anew"
            )


def _other_type(column: Column, file: str, kind: str) -> DeliveryRejected:
    return DeliveryRejected(
        "drift:type",
        f"{file}: the column {column.source_name!r} is {kind[:80]}, "
        f"the contract says {column.type} ({sql_type(column)})",
    )


def _is_all_null(engine: duckdb.DuckDBPyConnection, footers: Sequence[Footer], name: str) -> bool:
    """Whether a column of another type than the contract's holds no value: writers give any type to such a column."""
    if any(reading(leaf).breaks for element in footers[0].columns for leaf in element.leaves()):
        return False  # DuckDB may end with an error of its own, after which it cannot be used
    paths = f"[{', '.join(path_literal(each.for_sql or each.path) for each in footers)}]"
    counted = f"SELECT count({quoted(name)}) FROM read_parquet({paths}, hive_partitioning = false)"
    try:
        return engine.execute(counted).fetchone() == (0,)
    except duckdb.Error as error:
        if is_of_machine(error):
            raise
        return False  # DuckDB cannot even read the column


def _changes(footer: Footer, readings: Mapping[str, list[Reading]]) -> dict[int, Change]:
    """How the schema has to be changed so that DuckDB gives the stored values, and fails at no other column."""
    changes: dict[int, Change] = {}
    for element in footer.columns:
        if element.name.lower() in (ROW_NUMBER, FILE_INDEX):
            # DuckDB has columns of its own by these names
            changes[element.index] = {NAME: f"_{element.name}".encode()}
        used = element.name in readings
        of_leaves = readings.get(element.name) or [reading(leaf) for leaf in element.leaves()]
        for leaf, found in zip(element.leaves(), of_leaves, strict=True):
            change = found.change if used else STRIPPED if found.breaks else {}
            if change:
                changes[leaf.index] = {**changes.get(leaf.index, {}), **change}
        for group in element.groups():
            change = group_change(group) if used else STRIPPED if group_fault(group, None) else {}
            if change:
                changes[group.index] = {**changes.get(group.index, {}), **change}
    return changes


def _table(engine: duckdb.DuckDBPyConnection, readable: Sequence[Path], footers: Sequence[Footer]) -> _Table:
    try:
        # a folder such as `day=2013-01-01` is a name and no column; described, nothing but the footer is read
        described = engine.execute(
            f"DESCRIBE SELECT * FROM read_parquet({path_literal(readable[0])}, hive_partitioning = false)"
        ).fetchall()
    except duckdb.Error as error:
        if is_of_machine(error):
            raise
        # the footer holds names and types, and no row
        raise DeliveryRejected(
            "structure:parquet",
            f"{footers[0].path}: is no Parquet file that DuckDB can read: {words_of(error, readable[0])}; "
            "deliver it again",
        ) from None
    number = ROW_NUMBER
    if len(readable) > 1:
        before = np.cumsum([0, *(footer.rows for footer in footers)])[:-1].tolist()
        number = f"(CAST({before} AS BIGINT[]))[CAST({FILE_INDEX} AS BIGINT) + 1] + {ROW_NUMBER}"
    names, types = ([str(row[at]) for row in described] for at in (0, 1))
    return _Table(reading_sql(readable), names, types, number)


def columns_at_fault(engine: duckdb.DuckDBPyConnection, contract: Contract, source: Source) -> list[str]:
    """The contract's columns whose values DuckDB stops at; none where it reads each of them alone."""
    found = []
    for index, (column, (sql, _)) in enumerate(zip(contract.columns, source.expressions, strict=True)):
        made = source.conversions[index].guarded(sql) if index in source.conversions else sql
        try:
            engine.execute(f"SELECT max(hash({made})) FROM {source.relation}").fetchall()
        except duckdb.Error as error:
            if is_of_machine(error):
                raise
            found.append(column.source_name)
    return found
