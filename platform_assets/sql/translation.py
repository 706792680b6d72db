"""SQL that a contract's author wrote, in DuckDB's dialect, for the warehouse that audits with it."""

from __future__ import annotations

import functools

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from platform_assets.failures import Kind, PlatformError
from platform_assets.sql.dialects import Dialect, text_of
from platform_assets.sql.value_rules import found

TABLE = "{table}"
"""Stands in the SQL of a contract for the rows of the partition."""

_STAND_IN = "_the_rows_of_the_partition"


class NotTranslated(PlatformError):
    """The SQL of a contract cannot be said in the dialect of the warehouse."""

    kind = Kind.MISCONFIGURED
    code = "contract:dialect"


def translated(query: str, rows: str, dialect: Dialect) -> str:
    """``query`` over ``rows``, which is text behind FROM in ``dialect``. For DuckDB it stays as it was written.

    Names are quoted, since engines differ in the case of those that are not: they are to be written as in the contract.
    Functions that sqlglot does not know keep their names, so that the warehouse refuses what it does not know either.

    Raises:
        NotTranslated: if sqlglot cannot read the query, or knows no way to say it.
    """
    if dialect is Dialect.DUCKDB:
        return query.replace(TABLE, rows)
    return _translated(query, dialect).replace(_STAND_IN, rows)


@functools.lru_cache(maxsize=1024)
def _translated(query: str, dialect: Dialect) -> str:
    try:
        tree = parse_one(query.replace(TABLE, _STAND_IN), read=Dialect.DUCKDB.value)
        return text_of(tree.transform(_named).transform(_patterns, dialect), dialect)
    except SqlglotError as error:
        reason = str(error).splitlines()[0]
        raise NotTranslated(f"{reason}: the query {query!r} cannot be said in the dialect of {dialect}") from None


def _named(node: exp.Expr) -> exp.Expr:
    """Names quoted as they were written, and a name for the rows, which PostgreSQL wants of what stands behind FROM."""
    if isinstance(node, exp.Table) and node.name == _STAND_IN and not node.alias:
        return exp.alias_(node, "_r", table=True)
    if isinstance(node, exp.Identifier) and node.name != _STAND_IN:
        return exp.to_identifier(node.name, quoted=True)
    return node


def _patterns(node: exp.Expr, dialect: Dialect) -> exp.Expr:
    """DuckDB's two functions of regular expressions, of which sqlglot keeps the name but not the meaning."""
    if isinstance(node, exp.RegexpLike) and isinstance(node.expression, exp.Literal) and not node.args.get("flag"):
        return found(node.this, node.expression.name, dialect)
    if isinstance(node, exp.RegexpFullMatch) and isinstance(node.expression, exp.Literal):
        return found(node.this, f"^({node.expression.name})$", dialect)
    return node
