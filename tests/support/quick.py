"""What is the same for every test of a process is made once: empty instances, parses of dbt's own macros, schemas."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster.components.core import load_defs, package_entry
from dbt_common.clients.jinja import MacroFuzzEnvironment

from platform_assets.instance.storage import QuickSqliteStorage

MACROS = 4000
"""How many texts of macros are kept parsed; dbt-core and one adapter have about 1,100."""


def make_once(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Patch Dagster and dbt for this process; templates are kept in ``folder``."""
    for storage in (DagsterSqliteStorage, QuickSqliteStorage):
        patch.setattr(storage, "__init__", _from_template(storage.__init__, folder / storage.__name__))
    patch.setattr(load_defs, "get_library_json_enriched_defs", _schemas_once(load_defs.get_library_json_enriched_defs))
    patch.setattr(MacroFuzzEnvironment, "parse", _macros_once(MacroFuzzEnvironment.parse))


def _from_template(create: Callable[..., None], template: Path) -> Callable[..., None]:
    """Tables of an empty storage take 0.3 s to make and none to copy."""

    def create_or_copy(self: Any, base_dir: str, inst_data: Any = None) -> None:
        home = Path(base_dir)
        if not template.exists():
            made = template.with_suffix(".new")
            create(type(self).__new__(type(self)), str(made))
            made.rename(template)
        if not (home / "history").exists() and not (home / "schedules").exists():
            shutil.copytree(template, home, dirs_exist_ok=True)
        create(self, base_dir, inst_data)

    return create_or_copy


def _schemas_once(enriched: Callable[[Any], dg.Definitions]) -> Callable[[Any], dg.Definitions]:
    """Dagster writes the schema of every component that is installed each time that definitions are loaded: 0.3 s."""
    made: dict[tuple[str, ...], Any] = {}

    def enriched_once(tree: Any) -> dg.Definitions:
        installed = tuple(sorted(key.to_typename() for key in package_entry.discover_entry_point_package_objects()))
        if installed not in made:
            made[installed] = enriched(None).metadata
        return dg.Definitions(metadata=made[installed], component_tree=tree)

    return enriched_once


def _macros_once(parse: Callable[..., Any]) -> Callable[..., Any]:
    """dbt reads the parse of a macro for what it calls, and never changes it; its own macros take it 2 s."""

    @functools.lru_cache(maxsize=MACROS)
    def parsed(environment: type[Any], source: str) -> Any:
        return parse(environments[environment], source)

    environments: dict[type[Any], Any] = {}

    def parse_once(self: Any, source: str, name: str | None = None, filename: str | None = None) -> Any:
        if name or filename:
            return parse(self, source, name, filename)
        environments[type(self)] = self
        return parsed(type(self), source)

    return parse_once
