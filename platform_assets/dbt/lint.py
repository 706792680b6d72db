"""What the platform asks of the SQL of a dbt project, reported by file and line, without dbt."""

from __future__ import annotations

from pathlib import Path

import yaml

from platform_assets.sql.clock import volatile_calls

ALLOWED = "-- volatile:"
"""A comment that starts so, with a reason, lets its line pass."""


def volatile_lines(project: Path) -> list[str]:
    """The lines of models and macros that give another result when a partition is built again on another day."""
    words = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8")) or {}
    folders = [*words.get("model-paths", ["models"]), *words.get("macro-paths", ["macros"])]
    found = []
    for path in sorted({path for folder in folders for path in (project / folder).rglob("*.sql")}):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for line, call in volatile_calls(text):
            if ALLOWED not in lines[line - 1]:
                found.append(f"{path}:{line}: {call}: the same partition comes out differently when it is built again")
    return found
