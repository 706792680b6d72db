"""Rows of one source, validated by the contract in DuckDB: good ones into Parquet, bad ones into the quarantine.

It is one pass, in which the bad rows are handed over; where they cannot be told from that alone, ``bad_rows`` makes
a second one. Nothing is written when the counts do not meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from platform_assets.contracts.model import Column, Contract, Protection
from platform_assets.formats.lines import Array
from platform_assets.formats.source import Source
from platform_assets.ingestion.bad_rows import CountsDoNotMeet, HandedOver, Mask, codes, second_pass
from platform_assets.ingestion.engine import PARQUET
from platform_assets.ingestion.nested_values import finder_name
from platform_assets.ingestion.protection import Pseudonyms, protected_sql
from platform_assets.lake.quarantine import QuarantineWriter
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal
from platform_assets.sql.nested_rules import nested_rules
from platform_assets.sql.row_rules import Check, compile_column, row_checks


@dataclass(frozen=True)
class ValidatedPart:
    """The good rows of one source in ``path``; ``bad`` holds the ascending row numbers of the others."""

    source: Source
    path: Path
    rows: int
    bad: Array

    def numbers(self, good: Array) -> Array:
        """Row numbers in the source of rows of the Parquet, both 0-based."""
        return good + np.searchsorted(self.bad - np.arange(len(self.bad)), good, side="right")


@dataclass(frozen=True)
class Statements:
    """The SQL of one source, made once: what is good, what is written, which rules there are."""

    around: tuple[str, str]
    checks: tuple[Check, ...]
    output: str

    def typed(self, number: str | None = None) -> str:
        """The source's rows with their values; with its ``number`` as `_number`, where it is given."""
        before, after = self.around
        numbered = "" if number is None else f', {number} AS "_number"'
        return f"{before}{numbered}{after}"


def key_columns(contract: Contract) -> list[Column]:
    """Columns of a unique key whose written form can no longer tell two values apart."""
    unique = {*contract.primary_key, *(column.name for column in contract.columns if column.unique)}
    return [c for c in contract.columns if c.name in unique and c.protection in (Protection.MASK, Protection.DROP)]


def statements(contract: Contract, source: Source, pseudonyms: Pseudonyms | None) -> Statements:
    """Compile the contract over a source."""
    columns = []
    for index, (column, (_, kind)) in enumerate(zip(contract.columns, source.expressions, strict=True)):
        read, made = f'"_s{index}"', source.conversions.get(index)
        if made is None:
            columns.append(compile_column(column, read, kind))
        else:
            guard = made.guard(read)
            columns.append(compile_column(column, made.guarded(read), made.kind, stored=read, guard=guard))
    inner = ", ".join(f'{sql} AS "_s{index}"' for index, (sql, _) in enumerate(source.expressions))
    inner += f', {source.record} AS "_record"' if source.record else ""
    values = [f"{column.value} AS {quoted(column.name)}" for column in columns]
    outside: list[Check] = list(source.checks)
    nested: list[tuple[str, str]] = []
    for index, (column, compiled) in enumerate(zip(contract.columns, columns, strict=True)):
        outside += compiled.checks
        if column.inside:
            rules = nested_rules(column, quoted(f"_n{index}"), f"_n{index}_")
            values.append(f"{quoted(finder_name(column))}({compiled.value}) AS {quoted(f'_n{index}')}")
            nested += rules.values
            outside += rules.checks
    typed = (f"(SELECT *, {', '.join(values)} FROM (SELECT {inner}", f" FROM {source.relation}))")
    if nested:
        lists = ", ".join(f"{value} AS {quoted(name)}" for name, value in nested)
        typed = (f"(SELECT *, {lists} FROM {typed[0]}", f"{typed[1]})")
    checks = (*outside, *row_checks(contract))
    written = [
        f"{protected_sql(column, pseudonyms)} AS {quoted(column.name)}"
        for column in contract.columns
        if column.protection is not Protection.DROP
    ]
    # digests that keep the key testable until the file is written again without them
    hidden = [f"sha256(CAST({quoted(c.name)} AS VARCHAR)) AS {quoted(f'_key_{c.name}')}" for c in key_columns(contract)]
    return Statements(typed, checks, ", ".join([*written, *hidden]))


def validate(
    engine: duckdb.DuckDBPyConnection, contract: Contract, source: Source, target: Path,
    pseudonyms: Pseudonyms | None, quarantine: QuarantineWriter,
) -> ValidatedPart:  # fmt: skip
    """Write the source's good rows to ``target`` and the others to ``quarantine``.

    After :class:`CountsDoNotMeet` the caller has to take back what was quarantined.
    """
    sql = statements(contract, source, pseudonyms)
    if source.records == 0:
        return ValidatedPart(source, target, 0, np.empty(0, np.int64))
    with HandedOver(engine, source, sql.checks) as handed:
        typed = sql.typed(handed.number)
        written = engine.execute(
            f"COPY (SELECT {sql.output} FROM {typed} WHERE {handed.condition}) TO {literal(str(target))} {PARQUET}"
        ).fetchone()
    rows = int(written[0]) if written else 0
    missing = source.records - rows
    if missing == 0:
        return ValidatedPart(source, target, rows, np.empty(0, np.int64))
    bad = handed.found(missing)
    if bad is None:
        bad = second_pass(engine, source, sql.checks, sql.typed(source.row_number))
    if len(bad.numbers) != missing:
        raise CountsDoNotMeet(f"{source.records} rows counted, {rows} good and {len(bad.numbers)} bad ones read")
    reasons: dict[Mask, tuple[str, ...]] = {}
    found = 0
    for line, raw, mask in bad.rows:
        if mask not in reasons:
            reasons[mask] = codes(sql.checks, mask)
        quarantine.add(*source.place(line), reasons[mask], raw)
        found += 1
    if found != missing:
        raise CountsDoNotMeet(f"{missing} bad rows, but {found} of them found in the file")
    return ValidatedPart(source, target, rows, bad.numbers)
