"""What a contract says that is kept as metadata of its asset: people, support, price, purpose, custom properties.

Which words these are is said in ``words``.
"""

from __future__ import annotations

import json
from typing import Any

from platform_assets.contracts.properties import mappings
from platform_assets.contracts.words import Treatment, treatment

READ_ELSEWHERE = frozenset({"version", "kind", "apiVersion", "schema"})
"""Words at the top that stand elsewhere on the asset; of the others something is always worth keeping."""
OF_TABLES = frozenset({"tags", "quality", "relationships"})
OF_COLUMNS = frozenset({"classification", "tags", "customProperties", "quality", "relationships", "enum"})
"""Words that are carried out and kept, too, for what else stands in them."""


def about(data: dict[str, Any], table: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Words and what they hold, as JSON; those of the schema and its columns begin with ``schema/``."""
    found: dict[str, Any] = {key: value for key, value in data.items() if key not in READ_ELSEWHERE}
    found |= {
        f"schema/{key}": value for key, value in table.items() if treatment("SchemaObject", key) is Treatment.KEPT
    }
    columns = {}
    for _, item in mappings(table, "properties"):
        kept = {
            key: value
            for key, value in item.items()
            if value not in (None, [], {}) and (key in OF_COLUMNS or treatment("SchemaProperty", key) is Treatment.KEPT)
        }
        if kept:
            columns[str(item.get("name"))] = kept
    if columns:
        found["schema/properties"] = columns
    return tuple(
        (key, json.dumps(value, ensure_ascii=False, default=str))
        for key, value in found.items()
        if value not in (None, [], {}, "")
    )
