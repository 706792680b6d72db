"""Parquet as a source: typed columns, matched by name, each of a type that fits the contract's without a guess.

What the types are is read from the file itself, in ``parquet_footer``; what is made of them, in ``parquet_types``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from platform_assets.contracts.identifiers import quoted, sql_path
from platform_assets.contracts.model import Column, Contract, LogicalType
from platform_assets.contracts.row_rules import accepts
from platform_assets.contracts.types import sql_type
from platform_assets.lake.drift import judge_columns
from platform_assets.lake.engine import is_of_machine
from platform_assets.lake.parquet_annotations import group_change, group_fault
from platform_assets.lake.parquet_footer import NAME, Change, Element, Footer, FooterFault, amended, read_footer
from platform_assets.lake.parquet_nested import ShapeFault, converted, guard, shape_of
from platform_assets.lake.parquet_types import STRIPPED, Reading, reading
from platform_assets.lake.records import Array
from platform_assets.lake.rejection import DeliveryRejected
from platform_assets.lake.source import Conversion, Source

BATCH = 10_000
ROW_NUMBER = "file_row_number"
UNWRITTEN = "(a value of this row cannot be written as text)"


@dataclass(frozen=True)
class _Table:
    """What DuckDB makes of the file: its ``relation``, and in the file's order the names and types of its columns."""

    relation: str
    names: list[str]
    types: list[str]
    records: int


def open_parquet(contract: Contract, path: Path, engine: duckdb.DuckDBPyConnection, copy: Path) -> Source:
    """The file's rows; its footer tells their number.

    Where DuckDB reads a type otherwise than the file has it, ``copy`` is written: the same pages under a footer that
    gives the stored values.
    """
    try:
        footer = read_footer(path)
        names = [element.name for element in footer.columns]
        warnings = judge_columns(contract, names, path.name, ordered=False)
        _refuse_twins(contract, names, path.name)
        wanted = {column.source_name for column in contract.columns}
        readings = {e.name: [reading(leaf) for leaf in e.leaves()] for e in footer.columns if e.name in wanted}
        elements = {element.name: element for element in footer.columns}
        for column in contract.columns:
            if column.source_name in elements:
                _refuse_types(column, elements[column.source_name], readings[column.source_name], path.name)
        changes = _changes(footer, wanted)
        if changes:
            amended(path, changes, copy)
    except FooterFault as fault:
        raise DeliveryRejected(
            "structure:parquet", f"{path}: is not an intact Parquet file: {fault}; deliver it again"
        ) from None
    table = _table(engine, copy if changes else path, path)
    if len(table.names) != len(footer.columns):
        raise DeliveryRejected(
            "structure:parquet", f"{path}: has {len(footer.columns)} columns, of which DuckDB reads {len(table.names)}"
        )
    expressions: list[tuple[str, str]] = []
    conversions: dict[int, Conversion] = {}
    places = {name: place for place, name in enumerate(names)}
    for index, column in enumerate(contract.columns):
        if column.source_name not in places:
            expressions.append(("CAST(NULL AS VARCHAR)", "VARCHAR"))
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
            raise _other_type(column, path.name, conversion.kind if conversion is not None else kind)
        if any(each.utc for each in readings[column.source_name]) and column.type is not LogicalType.JSON:
            warnings += _of_utc(column, path.name)
        expressions.append((sql, kind))
        if conversion is not None:
            conversions[index] = conversion
    raw = _raw(engine, table)
    return Source(
        path.name, table.relation, tuple(expressions), table.records, 0, raw, ROW_NUMBER, warnings=warnings,
        conversions=conversions,
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


def _changes(footer: Footer, wanted: set[str]) -> dict[int, Change]:
    """How the schema has to be changed so that DuckDB gives the stored values, and fails at no other column."""
    changes: dict[int, Change] = {}
    for element in footer.columns:
        if element.name.lower() == ROW_NUMBER:
            changes[element.index] = {NAME: f"_{element.name}".encode()}
        used = element.name in wanted
        for leaf in element.leaves():
            found = reading(leaf)
            change = found.change if used else STRIPPED if found.breaks else {}
            if change:
                changes[leaf.index] = {**changes.get(leaf.index, {}), **change}
        for group in element.groups():
            change = group_change(group) if used else STRIPPED if group_fault(group, None) else {}
            if change:
                changes[group.index] = {**changes.get(group.index, {}), **change}
    return changes


def _table(engine: duckdb.DuckDBPyConnection, readable: Path, path: Path) -> _Table:
    location = sql_path(readable)
    try:
        # a folder such as `day=2013-01-01` is a name and no column; described, nothing but the footer is read
        described = engine.execute(
            f"DESCRIBE SELECT * FROM read_parquet({location}, hive_partitioning = false)"
        ).fetchall()
        counted = engine.execute(f"SELECT num_rows FROM parquet_file_metadata({location})").fetchone()
    except duckdb.Error as error:
        if is_of_machine(error):
            raise
        # the footer holds names and types, and no row
        raise DeliveryRejected(
            "structure:parquet",
            f"{path}: is no Parquet file that DuckDB can read: {str(error).splitlines()[0][:200]}; deliver it again",
        ) from None
    relation = f"read_parquet({location}, hive_partitioning = false, {ROW_NUMBER} = true)"
    return _Table(
        relation,
        [str(row[0]) for row in described],
        [str(row[1]) for row in described],
        int(counted[0]) if counted else 0,
    )


def _raw(engine: duckdb.DuckDBPyConnection, table: _Table) -> Callable[[Array], Iterator[tuple[int, int, bytes]]]:
    packed = f"struct_pack({', '.join(f'{quoted(name)} := {quoted(name)}' for name in table.names)})"

    def rows(part: list[int]) -> list[tuple[int, str]]:
        return engine.execute(
            f"SELECT {ROW_NUMBER}, CAST(to_json(row) AS VARCHAR) FROM "
            f"(SELECT {ROW_NUMBER}, {packed} AS row FROM {table.relation}) "
            f"WHERE {ROW_NUMBER} IN (SELECT unnest(?)) ORDER BY {ROW_NUMBER}",
            [part],
        ).fetchall()

    def one(number: int) -> tuple[int, str]:
        try:
            return rows([number])[0]
        except duckdb.Error as error:
            if is_of_machine(error):
                raise
            return number, UNWRITTEN

    def raw(numbers: Array) -> Iterator[tuple[int, int, bytes]]:
        for start in range(0, len(numbers), BATCH):
            part = numbers[start : start + BATCH].tolist()
            try:
                found = rows(part)
            except duckdb.Error as error:
                if is_of_machine(error):
                    raise
                # not by TRY: the texts that it gives are garbage now and then
                found = [one(number) for number in part]
            for number, text in found:
                yield number, number + 1, text.encode()

    return raw


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
