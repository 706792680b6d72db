"""What a contract's own SQL may stand for: placeholders of the table and the column, and the table by its name."""

from __future__ import annotations

import re
from typing import Any

from platform_assets.contracts.problems import Findings, Path_, suggestion

OF_TABLE = ("table", "object", "model", "schema")
OF_COLUMN = ("column", "property", "field")
PLACEHOLDER = re.compile(r"\$?\{([A-Za-z_]+)\}|\$(table|object|model|column|property|field)\b")


def with_placeholders(
    query: str, column: str | None, table: dict[str, Any], path: Path_, findings: Findings
) -> str | None:
    """The query with ``{table}`` and ``{column}`` in place of every way to write them; None if it has no table.

    3.0 writes ``${object}`` and ``${property}``, 3.1 ``{object}`` and ``{property}``, others ``$table``.
    """
    known = (*OF_TABLE, *(OF_COLUMN if column is not None else ()))
    wrong: list[str] = []

    def put(match: re.Match[str]) -> str:
        word = match[1] or match[2]
        if word not in known:
            # in braces alone it may be a part of the SQL, or of a column's name
            if match[0].startswith("$"):
                wrong.append(match[0])
            return match[0]
        return "{table}" if word in OF_TABLE else "{column}"

    text = PLACEHOLDER.sub(put, query)
    if wrong:
        hint = suggestion(wrong[0].strip("${}"), known)
        findings.problem(path, f"{wrong[0]} stands for nothing here; known are {', '.join(known)}{hint}")
        return None
    if "{table}" not in text:
        names = [str(table[key]) for key in ("name", "physicalName") if table.get(key)]
        for name in names:
            form = rf'(?i)\b(from|join)(\s+)"?{re.escape(name)}"?(?![\w.$"])'
            text = re.sub(form, lambda match: f"{match[1]}{match[2]}{{table}}", text)
    if "{table}" not in text:
        message = "does not read from ${table}, which stands for the rows of the partition: it is not carried out"
        findings.note(path, message)
        return None
    return text.strip().rstrip(";")
