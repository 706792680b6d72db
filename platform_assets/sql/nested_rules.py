"""Rules for values inside a JSON column, as SQL over what ``ingestion.nested_values`` finds in its text.

That is a list of lists of texts: first the codes of the rules that a look at the document has found broken, then, for
each field of :func:`fields_with_text`, the text of each of its values. A text is held to the same SQL as a column's.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from platform_assets.contracts.model import Column, LogicalType, NestedField
from platform_assets.sql.identifiers import quoted, quoted_path
from platform_assets.sql.literals import literal
from platform_assets.sql.row_rules import Check, compile_column

VALUE, TEXT, PAIR = "_v", "_s", "_p"
"""A value of a list, its text, and the struct of both.

A check sees its pair and no other column: DuckDB copies a list that a lambda takes from outside once for each item.
"""


@dataclass(frozen=True)
class NestedRules:
    """SQL of ``values``, lists of typed values with their texts, with the names that they have in ``checks``."""

    values: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]


def fields_with_text(column: Column) -> tuple[NestedField, ...]:
    """Plain values that have a type or a rule of which SQL knows more than the document tells."""
    return tuple(
        field for field in column.inside if field.typed and not field.shape and _compiled(field, "x", "x") != ((), "x")
    )


def structural_codes(column: Column) -> tuple[tuple[str, NestedField], ...]:
    """The rules that a look at the document decides, in the order in which they are reported."""
    found: list[tuple[str, NestedField]] = []
    for field in column.inside:
        name = field.column.name
        if field.typed and (field.shape or field.column.type is not LogicalType.JSON):
            found.append((f"type:{name}", field))
        if field.column.required:
            found.append((f"required:{name}", field))
        for code, given in (
            ("min_items", field.min_items is not None),
            ("max_items", field.max_items is not None),
            ("unique_items", field.unique_items),
        ):
            if given:
                found.append((f"{code}:{name}", field))
    return tuple(found)


def nested_rules(column: Column, found: str, prefix: str) -> NestedRules:
    """The rules inside of a column, for what was ``found`` in it (SQL); names of values begin with ``prefix``."""
    values: list[tuple[str, str]] = []
    of_text: dict[str, list[Check]] = {}
    for index, field in enumerate(fields_with_text(column)):
        texts, name = f"{found}[{index + 2}]", quoted(f"{prefix}{index}")
        checks, value = _compiled(field, quoted(TEXT), quoted_path(PAIR, TEXT))
        pair = f"struct_pack({quoted(VALUE)} := {value}, {quoted(TEXT)} := {quoted(TEXT)})"
        values.append((f"{prefix}{index}", f"list_transform({texts}, lambda {quoted(TEXT)}: {pair})"))
        of_text[field.column.name] = [
            Check(
                f"{check.code.split(':')[0]}:{field.column.name}",
                f"coalesce(list_bool_and(list_transform({name}, lambda {quoted(PAIR)}: {check.sql})), true)",
            )
            for check in checks
        ]
    ordered: list[Check] = []
    codes = structural_codes(column)
    for field in column.inside:
        structural = [code for code, each in codes if each is field]
        texts_of = {check.code: check.sql for check in of_text.get(field.column.name, ())}
        for code in dict.fromkeys([*structural, *texts_of]):
            parts = [f"NOT coalesce(list_contains({found}[1], {literal(code)}), false)"] if code in structural else []
            ordered.append(Check(code, f"({' AND '.join(filter(None, [*parts, texts_of.get(code)]))})"))
    return NestedRules(tuple(values), tuple(ordered))


def _compiled(field: NestedField, text: str, paired: str) -> tuple[tuple[Check, ...], str]:
    """The checks of a pair whose text is ``paired``, and the value made of the SQL ``text``."""
    column = dataclasses.replace(field.column, name=VALUE, required=False)
    return compile_column(column, paired, table=PAIR).checks, compile_column(column, text).value
