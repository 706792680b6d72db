"""Seeds: tables that dbt makes of CSV files of the project."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG = ("column_types", "delimiter", "quote_columns", "schema", "alias", "database", "pre-hook", "post-hook")
"""What of a seed's configuration makes another table of the same file."""


def seed_version(project: Path, node: Mapping[str, Any]) -> str:
    """12 hex digits that change with the content of a seed's file, and with what is configured of it.

    dbt knows the content of small files alone: of one above a megabyte its checksum is that of the path.
    """
    checksum = node["checksum"]
    content = checksum["checksum"]
    if checksum["name"] == "path":
        # of an installed package the root is that of the package
        with (Path(node.get("root_path") or project) / node["original_file_path"]).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    config = {name: node["config"].get(name) for name in CONFIG}
    return hashlib.sha256(json.dumps([content, config], sort_keys=True).encode()).hexdigest()[:12]


def make_seeds_anew(manifest: Any) -> None:
    """Let dbt make the table of each seed anew, which it does by default for the first one only.

    It would fill the table that is there: columns that are gone would stay, and new ones or other types would fail.
    """
    for node in manifest.nodes.values():
        if node.resource_type == "seed" and node.config.full_refresh is None:
            node.config.full_refresh = True
