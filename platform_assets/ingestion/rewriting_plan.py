"""What of a contract can be carried out on a partition as the lake holds it, ingested under another contract.

Values that were hashed, masked or dropped cannot be had back from the lake, and what was never delivered is not there.
A rule for clear values is asked only of columns that are still clear. The writing is in ``rewriting``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from platform_assets.contracts.model import Column, Contract, LogicalType, Protection
from platform_assets.failures import Kind
from platform_assets.ingestion.protection import place_inside, protected_sql, protections_of
from platform_assets.lake.errors import IngestionError
from platform_assets.lake.manifest import Manifest
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.row_rules import JSON_TEXT, accepts, condition
from platform_assets.sql.types import sql_type

NO_RULES: dict[str, Any] = {
    "pattern": None, "minimum": None, "maximum": None, "min_length": None, "max_length": None, "allowed_values": (),
    "format": None, "inside": (), "nested": (),
}  # fmt: skip


class NotInTheLake(IngestionError):
    """The lake does not hold what the contract asks for: only the delivery does."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="not_in_the_lake", kind=Kind.NOT_DELIVERED)


@dataclass(frozen=True)
class Rewriting:
    """How a partition is written anew: ``contract`` is the new one as it can be validated on what the lake holds.

    ``expressions`` are SQL over the lake's Parquet, with their types, for each of its columns. ``protected`` are the
    columns, and places inside columns, of which the lake holds clear values that are not to be written any more.
    ``notes`` say what is not as if it had been ingested again.
    """

    contract: Contract
    expressions: tuple[tuple[str, str], ...]
    protected: tuple[str, ...]
    notes: tuple[str, ...]


def plan_rewriting(manifest: Manifest, contract: Contract, key_fingerprint: str) -> Rewriting:
    """How the partition of ``manifest`` is written anew under ``contract``.

    Raises :class:`NotInTheLake` with all that stands in the way.
    """
    if manifest.protections is None:
        raise NotInTheLake(
            "how its columns were protected is not recorded: it was ingested by an earlier version. Name the revision "
            "of the contract that it was ingested under with --against"
        )
    columns: list[Column] = []
    expressions: list[tuple[str, str]] = []
    refusals: list[str] = []
    notes: list[str] = []
    held = dict(manifest.columns)
    for column in contract.columns:
        before = Protection(manifest.protections.get(place_inside(column.name), "none"))
        if before is Protection.HASH is column.protection and manifest.key_fingerprint != key_fingerprint:
            refusals.append(f"column {column.name!r} was hashed with another key")
            continue
        found = _column(column, before, held.get(column.name), manifest.protections)
        if isinstance(found, str):
            refusals.append(found)
            continue
        columns.append(found.column)
        expressions.append(found.expression)
        notes += found.notes
    if refusals:
        raise NotInTheLake(
            f"{'; '.join(refusals)}. Only the delivery has that: put its files into the landing folder again"
        )
    places = {place.split("/")[0] for place in manifest.protections}
    gone = [column.name for column in contract.columns if place_inside(column.name) in places]
    keys = contract.primary_key if not {*contract.primary_key} & {*gone} else ()
    rules = tuple(r for r in contract.row_expressions if not any(_names(condition(r), name) for name in gone))
    made = replace(contract, columns=tuple(columns), primary_key=keys, row_expressions=rules)
    now = protections_of(contract)
    there = {place_inside(name) for name in held}
    protected = tuple(place for place in now if place not in manifest.protections and place.split("/")[0] in there)
    return Rewriting(made, tuple(expressions), protected, tuple(notes))


@dataclass(frozen=True)
class _Column:
    column: Column
    expression: tuple[str, str]
    notes: tuple[str, ...] = ()


def _column(column: Column, before: Protection, kind: str | None, protections: dict[str, str]) -> _Column | str:
    """One column of the contract over the Parquet, where it is of type ``kind``; or why that cannot be."""
    name, now = column.name, column.protection
    if before is Protection.DROP or kind is None:
        if now is Protection.DROP or (kind is None and before is Protection.NONE and not column.required):
            return _Column(_kept(column, required=False), ("CAST(NULL AS VARCHAR)", "VARCHAR"))
        why = "was dropped, and its values were never written" if before is Protection.DROP else "is required and new"
        return f"column {name!r} {why}"
    if before is not Protection.NONE:
        weaker = now is Protection.NONE or (before is Protection.MASK and now is Protection.HASH)
        if weaker:
            return f"column {name!r} was protected by {before}, and its clear values were never written"
        text = quoted(name)
        if now is Protection.MASK:
            text = protected_sql(column, None)
        return _Column(
            _kept(column, required=column.required, unique=before is now is Protection.HASH), (text, "VARCHAR")
        )
    if column.type is LogicalType.JSON and kind == "JSON":
        return _inside(column, protections)
    if kind == "VARCHAR":
        return _Column(column, (quoted(name), "VARCHAR"))
    if kind != "JSON" and accepts(column, kind):
        return _Column(column, (quoted(name), kind))
    # the lake writes values in the form of the standard, whatever form the delivery had
    form = replace(
        column, format=None, decimal_separator=".", thousands_separator="", true_values=("true",),
        false_values=("false",),
    )  # fmt: skip
    note = f"column {name!r}: values of {kind} become {sql_type(column)} in the form that DuckDB writes them"
    return _Column(form, (f"CAST({quoted(name)} AS VARCHAR)", "VARCHAR"), (note,))


def _inside(column: Column, protections: dict[str, str]) -> _Column | str:
    """A JSON column whose values inside are protected otherwise than before."""
    rules = []
    prefix = f"{place_inside(column.name)}/"
    before = {place: how for place, how in protections.items() if place.startswith(prefix)}
    for rule in column.nested:
        was = before.pop(place_inside(column.name, rule.path), "none")
        if was == rule.protection:
            continue
        if (
            rule.protection is Protection.NONE
            or (was == "mask" and rule.protection is Protection.HASH)
            or was == "drop"
        ):
            return f"values inside column {column.name!r} were protected by {was}, and were never written in clear"
        rules.append(rule)
    if before:
        return f"values inside column {column.name!r} were protected, and were never written in clear"
    changed = replace(column, nested=tuple(rules))
    if protections and len(rules) < len(column.nested):
        changed = replace(changed, inside=())  # rules for values that are pseudonyms by now
    return _Column(changed, (f"CAST({quoted(column.name)} AS VARCHAR)", JSON_TEXT))


def _kept(column: Column, *, required: bool, unique: bool = False) -> Column:
    """The column of a text that was protected before, of which no rule for clear values can be asked."""
    dropped = Protection.DROP if column.protection is Protection.DROP else Protection.NONE
    return replace(
        column, type=LogicalType.STRING, required=required, unique=column.unique and unique, protection=dropped,
        precision=None, scale=None, declared=(), **NO_RULES,
    )  # fmt: skip


def _names(sql: str, column: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(column)}(?!\w)", sql, re.IGNORECASE) is not None
