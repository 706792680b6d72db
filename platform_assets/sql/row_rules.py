"""Row rules of a contract, compiled to SQL: the value of each column, and what a good row fulfils.

Everything is text for DuckDB, which reads files whatever the warehouse is; running it is the business of ``ingestion``.
A check is a boolean that is never null. A value is taken only in its exact form, since DuckDB's casts change values in
silence: 1006.5 becomes the integer 1007, 1_000 becomes 1000, 0x1F becomes 31, 24:00:00 the next day, and an offset of
+25:00 is taken. Canonical forms are found by casting back, which costs less than a regular expression; only other forms
are looked at by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from platform_assets.contracts.model import Column, Contract, LogicalType, RowExpression
from platform_assets.sql.dialects import text_of
from platform_assets.sql.identifiers import quoted_path
from platform_assets.sql.literals import literal
from platform_assets.sql.types import sql_type
from platform_assets.sql.value_rules import fulfilled, value_rule_texts

DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
TIME = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6}0*)?)?"
OFFSET = r"(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)"

FAMILIES = {
    LogicalType.STRING: ("VARCHAR", "ENUM", "UUID"),
    LogicalType.INTEGER: ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                          "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
    LogicalType.BOOLEAN: ("BOOLEAN",),
    LogicalType.DATE: ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    LogicalType.TIMESTAMP: ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    LogicalType.TIMESTAMP_TZ: ("TIMESTAMP WITH TIME ZONE",),
    LogicalType.JSON: ("STRUCT", "MAP", "JSON", "LIST"),
}  # fmt: skip
NAIVE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
FAMILIES[LogicalType.NUMBER] = FAMILIES[LogicalType.INTEGER]
"""Types of a typed file (Parquet) in which a contract's type may be stored; text is read as in a CSV file."""
JSON_TEXT = "JSON text"
"""In the place of a type: a text that is known to be one JSON document."""


@dataclass(frozen=True)
class Check:
    """``sql`` is true for a good row; ``code`` is why a bad one is quarantined, such as ``type:distance``."""

    code: str
    sql: str


@dataclass(frozen=True)
class CompiledColumn:
    """SQL for one column over its source: the typed ``value``, and the checks in the order they are reported."""

    name: str
    value: str
    checks: tuple[Check, ...]


def compile_column(
    column: Column, source: str, source_type: str = "VARCHAR", *, stored: str = "", guard: str = "", table: str = ""
) -> CompiledColumn:
    """The column's value and checks, read from the SQL expression ``source`` of DuckDB's type ``source_type``.

    Where ``source`` is made of another expression, that is ``stored``: it tells which values are null. ``guard`` is
    true for the values that ``source`` can be made of. The checks find the value under the column's name; in ``table``,
    where it is given.
    """
    given = stored or source
    name = quoted_path(*filter(None, (table, column.name)))
    if source_type == "VARCHAR":
        text = plain_number_text(column, source)
        if text != source:
            guard = " AND ".join(filter(None, (guard, _separated(column, source))))
        value, exact = _from_text(column, text, name)
    elif source_type == JSON_TEXT:
        value, exact = source, None
    else:
        value, exact = _from_typed(column, source, source_type, name)
    checks: list[Check] = []
    exact = " AND ".join(f"({part})" for part in (guard, exact) if part)
    if exact:
        checks.append(Check(f"type:{column.name}", f"({given} IS NULL OR coalesce({exact}, false))"))
    if column.required:
        checks.append(Check(f"required:{column.name}", f"({given} IS NOT NULL)"))
    checks.extend(
        Check(f"{code}:{column.name}", f"coalesce({sql}, true)")
        for code, sql in value_rule_texts(column, column.name, table)
    )
    return CompiledColumn(column.name, value, tuple(checks))


def plain_number_text(column: Column, text: str) -> str:
    """SQL for a number as it would be written with a point and without signs between thousands."""
    if column.thousands_separator:
        text = f"replace({text}, {literal(column.thousands_separator)}, '')"
    return text if column.decimal_separator == "." else f"replace({text}, {literal(column.decimal_separator)}, '.')"


def _separated(column: Column, text: str) -> str:
    """True for a number with the column's signs in their places: thousands are three digits, or not parted at all."""
    decimal, thousands = column.decimal_separator, column.thousands_separator
    whole = f"([0-9]{{1,3}}([{thousands}][0-9]{{3}})+|[0-9]*)" if thousands else "[0-9]*"
    exponent = "([eE][+-]?[0-9]+)?" if column.type is LogicalType.NUMBER and column.precision is None else ""
    form = f"-?{whole}([{decimal}][0-9]*)?{exponent}"
    return f"regexp_full_match(trim({text}), {literal(form)})"


def row_checks(contract: Contract) -> tuple[Check, ...]:
    """The checks over several columns; a row on which an expression fails is quarantined."""
    return tuple(
        Check(
            f"rule:{rule.name}",
            f"(coalesce(TRY(CASE WHEN CAST(({condition(rule)}\n) AS BOOLEAN) IS NOT FALSE THEN 1 ELSE 0 END), 0) = 1)",
        )
        for rule in contract.row_expressions
    )


def condition(rule: RowExpression) -> str:
    """What is true, or null, for a good row; it may end with a comment."""
    return rule.expression if isinstance(rule.expression, str) else text_of(fulfilled(rule.expression))


def accepts(column: Column, source_type: str) -> bool:
    """Whether values of a typed file's column can be read as the contract's type without a guess."""
    if source_type == "VARCHAR":
        return True
    base = source_type.split("(")[0].strip()
    if source_type.endswith("]"):
        base = "LIST"
    if column.type is LogicalType.TIMESTAMP_TZ and column.default_timezone is not None:
        # a time without a zone is one of the contract's zone, as in text
        return base in (*FAMILIES[LogicalType.TIMESTAMP_TZ], *NAIVE)
    return base in FAMILIES[column.type]


def _from_text(column: Column, text: str, name: str) -> tuple[str, str | None]:
    """The typed value, and SQL that is true when the text has exactly the value ``name`` (``None``: every text has)."""
    kind = column.type
    if kind is LogicalType.STRING:
        return text, None
    trimmed = f"trim({text})"
    if kind is LogicalType.JSON:
        return text, f"strict_json({text})"
    if kind is LogicalType.BOOLEAN:
        yes, no = (", ".join(map(literal, words)) for words in (column.true_values, column.false_values))
        lower = f"lower({trimmed})"
        value = (
            f"CASE WHEN {text} IN ({yes}) THEN true WHEN {text} IN ({no}) THEN false "
            f"WHEN {lower} IN ({yes}) THEN true WHEN {lower} IN ({no}) THEN false END"
        )
        return value, f"{name} IS NOT NULL"
    if kind in (LogicalType.DATE, LogicalType.TIMESTAMP, LogicalType.TIMESTAMP_TZ):
        return _time_from_text(column, text, trimmed, name)
    value = f"TRY_CAST({text} AS {sql_type(column)})"
    same = f"CAST({name} AS VARCHAR) = {text}"
    if kind is LogicalType.INTEGER:
        form = f"regexp_full_match({trimmed}, '-?[0-9]+')"
    elif column.precision is None:
        return value, _exact_double(name, text, trimmed)
    else:
        decimals = "[0-9]*" if column.rounding else f"[0-9]{{0,{column.scale or 0}}}0*"
        form = f"regexp_full_match({trimmed}, '-?[0-9]*(\\.{decimals})?') AND regexp_matches({trimmed}, '[0-9]')"
    return value, f"CASE WHEN {same} THEN true ELSE {name} IS NOT NULL AND {form} END"


def _exact_double(name: str, text: str, trimmed: str) -> str:
    """True for a decimal number that a double can hold: finite, and no digit of it lost.

    Up to 15 digits never lose one. Longer ones are compared, digit by digit, with the shortest text of the double
    and with its 17 digits (which is how C and Java write them): 9007199254740993 is not 9007199254740992.
    """
    form = f"regexp_full_match({trimmed}, '-?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?')"
    digits = f"rpad({_digits(trimmed)}, 17, '0')"
    shortest = f"rpad({_digits(f'CAST({name} AS VARCHAR)')}, 17, '0')"
    seventeen = f"rpad({_digits(f'''format('{{:.16e}}', {name})''')}, 17, '0')"
    kept = f"({digits} = {shortest} OR {digits} = {seventeen})"
    short = f"(length({text}) <= 15 AND NOT contains(lower({text}), 'e'))"
    long_form = f"length({_digits(trimmed)}) <= 17 AND {kept}"
    return (
        f"CASE WHEN CAST({name} AS VARCHAR) = {text} THEN isfinite({name}) "
        f"ELSE coalesce(isfinite({name}), false) AND {form} AND ({short} OR ({long_form})) END"
    )


def _digits(text: str) -> str:
    mantissa = f"regexp_replace(regexp_replace({text}, '[eE].*$', ''), '[^0-9]', '', 'g')"
    return f"rtrim(ltrim({mantissa}, '0'), '0')"


def _time_from_text(column: Column, text: str, trimmed: str, name: str) -> tuple[str, str]:
    kind, target = column.type, sql_type(column)
    if column.format is not None:
        form = literal(column.format)
        parsed = f"try_strptime({trimmed}, {form})"
        if kind is LogicalType.TIMESTAMP_TZ and "%z" in column.format.lower():
            return f"CAST({parsed} AS {target})", f"{name} IS NOT NULL AND regexp_matches({trimmed}, '{OFFSET}$')"
        if kind is LogicalType.TIMESTAMP_TZ and column.default_timezone is not None:
            zone = literal(column.default_timezone)
            same = f"strftime({parsed}, {form}) = {trimmed} AND timezone({zone}, {name}) = {parsed}"
            return f"timezone({zone}, {parsed})", same
        return f"CAST({parsed} AS {target})", f"strftime({parsed}, {form}) = {trimmed}"
    if kind is LogicalType.DATE:
        value = f"TRY_CAST({text} AS DATE)"
        same = f"CAST({name} AS VARCHAR) = {text}"
        loose = f"CAST({name} AS VARCHAR) = {trimmed} AND length({trimmed}) = 10"
        # years past 9999 have more characters, and 'infinity' has fewer
        return value, f"CASE WHEN {same} THEN length({text}) = 10 ELSE {loose} END"
    if kind is LogicalType.TIMESTAMP:
        form = f"regexp_full_match({trimmed}, '{DATE}[ T]{TIME}')"
        # 19 characters that are what the value casts back to, have no fraction, offset or 24:00 left to hide
        same = f"CAST({name} AS VARCHAR) = {text} AND length({text}) = 19"
        return f"TRY_CAST({text} AS TIMESTAMP)", f"CASE WHEN {same} THEN true ELSE {name} IS NOT NULL AND {form} END"
    with_offset = f"regexp_full_match({trimmed}, '{DATE}[ T]{TIME} ?{OFFSET}')"
    if column.default_timezone is None:
        return f"TRY_CAST({text} AS {target})", f"{name} IS NOT NULL AND {with_offset}"
    local = f"regexp_full_match({trimmed}, '{DATE}[ T]{TIME}')"
    zone, moment = literal(column.default_timezone), f"TRY_CAST({text} AS TIMESTAMP)"
    value = f"CASE WHEN {local} THEN timezone({zone}, {moment}) ELSE TRY_CAST({text} AS {target}) END"
    # a local time that a clock change leaves out comes back as another one
    there = f"CASE WHEN {local} THEN timezone({zone}, {name}) = {moment} ELSE {with_offset} END"
    return value, f"{name} IS NOT NULL AND {there}"


def _from_typed(column: Column, source: str, source_type: str, name: str) -> tuple[str, str | None]:
    target = sql_type(column)
    if column.type is LogicalType.JSON:
        return f"CAST(to_json({source}) AS VARCHAR)", None
    if source_type == target:
        return source, f"isfinite({name})" if target == "DOUBLE" else None
    if column.type is LogicalType.TIMESTAMP_TZ and source_type in NAIVE:
        zone, moment = literal(str(column.default_timezone)), f"TRY_CAST({source} AS TIMESTAMP)"
        # a local time that a clock change leaves out comes back as another one, nanoseconds as fewer
        back = f"timezone({zone}, {name}) = {moment} AND TRY_CAST({moment} AS {source_type}) = {source}"
        return f"timezone({zone}, {moment})", f"{name} IS NOT NULL AND isfinite({name}) AND {back}"
    value = f"TRY_CAST({source} AS {target})"
    if source_type in ("DOUBLE", "FLOAT") and target.startswith("DECIMAL"):
        # by its shortest text: multiplied by a power of ten, 0.1 becomes 0.100000000000000009025336901632
        value = f"TRY_CAST(CAST({source} AS VARCHAR) AS {target})"
    if column.rounding:
        return value, f"{name} IS NOT NULL"
    if target == "DOUBLE" and source_type.startswith("DECIMAL") and _digits_of(source_type) > 15:
        # the quotient of two doubles is not always the nearest one
        back = f"TRY_CAST(CAST({name} AS VARCHAR) AS {source_type})"
        # a decimal is not read from 1e-18
        small = f"TRY_CAST(format('{{:.{_scale_of(source_type)}f}}', {name}) AS {source_type})"
        return f"TRY_CAST(CAST({source} AS VARCHAR) AS DOUBLE)", f"coalesce({back}, {small}) = {source}"
    if target == "DOUBLE":
        return value, f"isfinite({name}) AND TRY_CAST({name} AS {source_type}) = {source}"
    if source_type in ("DOUBLE", "FLOAT") and target.startswith("DECIMAL"):
        # a double never is 1.01; it is the decimal when its shortest text is
        places, back = column.scale or 0, f"TRY_CAST(CAST({name} AS VARCHAR) AS {source_type})"
        return (
            value,
            f"isfinite({source}) AND {name} IS NOT NULL AND {back} = {source} AND round({source}, {places}) = {source}",
        )
    return value, f"{name} IS NOT NULL AND TRY_CAST({name} AS {source_type}) = {source}"


def _digits_of(decimal: str) -> int:
    return int(decimal.removeprefix("DECIMAL(").split(",")[0])


def _scale_of(decimal: str) -> int:
    return int(decimal.removesuffix(")").split(",")[1])
