"""SQL of the standard's library metrics: which values ``nullValues``, ``missingValues`` and ``invalidValues`` count."""

from __future__ import annotations

from typing import Any

from platform_assets.contracts.identifiers import quoted, sql_text


def counted_value(metric: str, name: str, arguments: dict[str, Any]) -> str | None:
    """SQL that is true for a value that the metric counts; ``None`` when its arguments do not say which."""
    column = quoted(name)
    if metric == "nullValues":
        return f"{column} IS NULL"
    if metric == "missingValues":
        words = arguments.get("missingValues", [None, ""])
        texts = ", ".join(sql_text(str(word)) for word in words if word is not None)
        missing = f"CAST({column} AS VARCHAR) IN ({texts})" if texts else "false"
        return f"({column} IS NULL OR {missing})" if None in words else f"({column} IS NOT NULL AND {missing})"
    valid = arguments.get("validValues")
    pattern = arguments.get("pattern")
    parts = []
    if isinstance(valid, list) and valid:
        parts.append(f"CAST({column} AS VARCHAR) NOT IN ({', '.join(sql_text(_word(v)) for v in valid)})")
    if pattern is not None:
        parts.append(f"NOT regexp_matches(CAST({column} AS VARCHAR), {sql_text(str(pattern))})")
    if not parts:
        return None
    return f"({column} IS NOT NULL AND ({' OR '.join(parts)}))"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
