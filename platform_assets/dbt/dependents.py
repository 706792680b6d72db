"""Who reads a feed: the dbt models below its source, and the published tables below those.

The models' own ``source`` and ``ref`` calls tell, and dbt's newest manifest where there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from platform_assets.dbt.declared import declared

SOURCE = re.compile(r"source\s*\(\s*['\"][^'\"]+['\"]\s*,\s*['\"]([^'\"]+)['\"]\s*\)")
REF = re.compile(r"ref\s*\(\s*(?:['\"][^'\"]+['\"]\s*,\s*)?['\"]([^'\"]+)['\"]")
SKIPPED = {".git", ".venv", "node_modules", "target", "dbt_packages", ".platform"}


@dataclass
class Readers:
    """Edges of the graph: a model's own SQL, what it reads, and which published tables show it."""

    sql: dict[str, str] = field(default_factory=dict)
    parents: dict[str, set[str]] = field(default_factory=dict)
    published: dict[str, set[str]] = field(default_factory=dict)

    def of(self, feed: str, column: str | None = None) -> tuple[list[str], list[str]]:
        """Models and published tables that read the feed, directly or not.

        With ``column``, direct readers that never name it are left out, and so are those that read only them.
        """
        start = f"source:{feed}"
        found = [
            name for name, parents in self.parents.items()
            if start in parents and (column is None or _names(self.sql.get(name, ""), column))
        ]  # fmt: skip
        for name in found:
            found += [child for child, parents in self.parents.items() if name in parents and child not in found]
        tables = {table for name in [*found, feed] for table in self.published.get(name, ())}
        return sorted(found), sorted(tables)


def find_readers(root: Path) -> Readers:
    """Readers declared in the dbt projects and ``defs`` folders below ``root``."""
    readers = Readers()
    for project in _files(root, ("dbt_project.yml",)):
        manifests = list((project.parent / "target").rglob("manifest.json"))
        for model in _files(project.parent, (".sql",)):
            if not {"macros", "tests"} & set(model.relative_to(project.parent).parts):
                text = model.read_text(encoding="utf-8", errors="replace")
                readers.sql[model.stem] = text
                readers.parents[model.stem] = {f"source:{name}" for name in SOURCE.findall(text)} | set(
                    REF.findall(text)
                )
        if manifests:
            _add_manifest(readers, max(manifests, key=lambda path: path.stat().st_mtime_ns))
    for file in _files(root, ("defs.yaml", "defs.yml", "component.yaml")):
        _add_published(readers, file)
    return readers


def _add_manifest(readers: Readers, manifest: Path) -> None:
    """Edges that only dbt can see, such as a source named by a variable."""
    try:
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    except (OSError, ValueError, KeyError):
        return  # a manifest that is being written adds nothing to what the models say
    for node in nodes.values():
        if node.get("resource_type") == "model" and node["name"] in readers.sql:
            for parent in node.get("depends_on", {}).get("nodes", ()):
                kind, name = parent.split(".")[0], parent.split(".")[-1]
                readers.parents[node["name"]].add(f"source:{name}" if kind == "source" else name)


def _add_published(readers: Readers, file: Path) -> None:
    for attributes in declared(file, "PublishedTable"):
        source = str(attributes.get("source") or "").split("/")[-1]
        if source:
            readers.published.setdefault(source, set()).add(str(attributes.get("name") or source))


def _names(sql: str, column: str) -> bool:
    return bool(re.search(rf"(?<![A-Za-z0-9_]){re.escape(column)}(?![A-Za-z0-9_])", sql, re.IGNORECASE)) or bool(
        re.search(r"select\s+(\w+\.)?\*", sql, re.IGNORECASE)
    )


def _files(root: Path, endings: tuple[str, ...]) -> Iterable[Path]:
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        if path.is_dir() and not path.is_symlink():
            if path.name not in SKIPPED:
                yield from _files(path, endings)
        elif path.name.endswith(endings):
            yield path
