"""What dbt makes once in each process, made beforehand in a process that forks runs.

dbt's first command in a process compiles the macros that it uses, the schemas of its own files and the readers of its
manifest, which takes longer than the models of a day. A run imports this module when its first command is over, and
nothing is left to make then. The process that forks runs imports what they imported: it makes all of it for the next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from platform_assets.dbt.manifests import keep_some
from platform_assets.dbt.project import projects_seen
from platform_assets.dbt.quick_start import quicken
from platform_assets.failures import for_log
from platform_assets.logs import logger

log = logger(__name__)


CALLED_BY_ADAPTERS = ("list_schemas", "list_relations_without_caching", "get_columns_in_relation")
"""Macros that no node and no macro calls, but dbt's adapters do."""


def prepare() -> None:
    """Make what the first command would make, for the projects whose definitions this process has loaded."""
    from dbt.adapters.factory import load_plugin
    from dbt.contracts.project import Configuration, PackageConfig, ProfileConfig, Project, ProjectFlags
    from dbt.contracts.selection import SelectorFile
    from dbt.plugins.manager import PluginManager
    from dbt.task.test import TestResultData
    from dbt_common.contracts.constraints import ColumnLevelConstraint

    of_files = (ProjectFlags, ProfileConfig, Project, PackageConfig, SelectorFile, Configuration)
    for part in (*of_files, ColumnLevelConstraint, TestResultData):
        _make_readers(part)
    quicken()
    PluginManager.get_prefixed_modules()
    for files, variables in projects_seen():
        parsed = files.found(variables)
        if parsed is not None:
            manifest = keep_some(parsed)
            _make_readers(load_plugin(manifest.metadata.adapter_type))
            _compile(manifest)


def _make_readers(part: Any) -> None:
    part.json_schema()
    with contextlib.suppress(Exception):
        part.from_dict({})  # which writes the reader first, and then misses keys


def _compile(manifest: Any) -> None:
    from dbt_common.clients.jinja import template_cache

    for macro in _macros_in_use(manifest):
        template_cache.get_node_template(macro)


def _macros_in_use(manifest: Any) -> Iterator[Any]:
    """The macros that nodes and adapters call, those that build nodes, the project's own, and what all these call."""
    kinds = {node.config.materialized for node in manifest.nodes.values()} | {"unit"}
    builders = tuple(f"macro.{package}.materialization_{kind}_" for package in _packages(manifest) for kind in kinds)
    left = [name for node in manifest.nodes.values() for name in node.depends_on.macros]
    for name, macro in manifest.macros.items():
        own = macro.package_name == manifest.metadata.project_name
        if own or name.startswith(builders) or macro.name in CALLED_BY_ADAPTERS:
            left.append(name)
    seen: set[str] = set()
    while left:
        name = left.pop()
        macro = manifest.macros.get(name)
        if name not in seen and macro is not None:
            seen.add(name)
            left += macro.depends_on.macros
            yield macro


def _packages(manifest: Any) -> set[str]:
    return {macro.package_name for macro in manifest.macros.values()}


def _is_first() -> bool:
    """Whether dbt has run no command in this process."""
    from dbt_common.clients.jinja import template_cache

    return not template_cache.file_cache


if _is_first():
    try:
        prepare()
    except Exception as error:
        # what could not be made is made by each run
        log.warning("dbt is not prepared for the runs to come: %s", for_log(error))
