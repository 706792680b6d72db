"""A SQL expression as a text that is the same for each way to write it: spaces, comments, case, quotes, parentheses.

The order of conditions joined by AND or OR, of values after IN, and of the sides of an equality is the same too.
Nothing else is rewritten: two texts may differ although the expressions mean the same, and never the other way round.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

Special = Callable[[Any], str | None]
"""The text of a node that is not to be written by its parts, or None."""


def canonical(node: Any, special: Special) -> str:
    """The text of ``node``, an expression of sqlglot; what ``special`` has a text for is written by it."""
    from sqlglot import exp

    found = special(node)
    if found is not None:
        return found
    if isinstance(node, exp.Paren | exp.Alias):
        return canonical(node.this, special)
    if isinstance(node, exp.And | exp.Or):
        return f"{type(node).__name__}({', '.join(sorted({canonical(part, special) for part in node.flatten()}))})"
    if isinstance(node, exp.EQ | exp.NEQ):
        sides = sorted(canonical(side, special) for side in (node.this, node.expression))
        return f"{type(node).__name__}({', '.join(sides)})"
    if isinstance(node, exp.Identifier):
        return str(node.name)
    if isinstance(node, exp.Literal):
        return repr(node.this) if node.is_string else str(node.this)
    arguments = dict(node.args)
    if isinstance(node, exp.In) and node.expressions:
        arguments["expressions"] = ", ".join(sorted({canonical(each, special) for each in node.expressions}))
    if isinstance(node, exp.Anonymous) and isinstance(node.this, str):
        arguments["this"] = node.this.upper()
    parts = (f"{name}={_value(value, special)}" for name, value in sorted(arguments.items()) if _is_said(value))
    return f"{type(node).__name__}({', '.join(parts)})"


def words_of(sql: str, dialect: str) -> list[str]:
    """The words of a SQL text, without spaces and comments; of a text that has no words as SQL has, its parts."""
    from sqlglot import tokenize
    from sqlglot.errors import SqlglotError

    try:
        return [f"{token.token_type.name} {token.text}" for token in tokenize(sql, read=dialect)]
    except (SqlglotError, ValueError):
        return sql.split()


def short(*texts: str) -> str:
    """A digest that stands for ``texts`` in another text."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:20]


def _is_said(value: Any) -> bool:
    return value is not None and value is not False and value != []


def _value(value: Any, special: Special) -> str:
    from sqlglot import exp

    if isinstance(value, list):
        return f"[{', '.join(_value(each, special) for each in value)}]"
    return canonical(value, special) if isinstance(value, exp.Expr) else str(value)
