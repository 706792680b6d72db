"""The compiled SQL of a project's models and snapshots, made without a connection to the warehouse.

dbt renders each node as for one partition, and an incremental model a second time as if its table were there. A node
whose SQL depends on the answer of a query has none. What was compiled is kept beside the parse that it was made from.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from platform_assets.dbt.invocation import PARTITIONS_VARIABLE, QUIETLY, DbtFailed
from platform_assets.dbt.manifests import fresh_manifest
from platform_assets.dbt.parsed import KEPT, ParsedProject
from platform_assets.dbt.project import DbtProjectFiles
from platform_assets.dbt.runner import run_dbt
from platform_assets.lake.layout import write_durably

FORMAT = 1
PARTITION = "platform_partition"
"""The key of the partition that is compiled for."""

NO_CONNECTION = "connection never acquired"
"""What dbt says of a node that asks for a query, where it is not to ask any."""

KINDS = ("resource_type:model", "resource_type:snapshot")
INCREMENTAL = "is_incremental"


@dataclass(frozen=True)
class Compiled:
    """The SQL of a node: as it is built first, and as it is built when its table is there, if that differs.

    ``problem`` says why there is none.
    """

    sql: str | None
    later_sql: str | None = None
    problem: str = ""


def compiled(project: DbtProjectFiles, parsed: ParsedProject, environment: Mapping[str, str]) -> dict[str, Compiled]:
    """The SQL of each model and snapshot, by unique id; read from the target folder if it was compiled before.

    Raises:
        DbtFailed: if dbt could not compile anything.
    """
    folder = project.target_path / "compiled"
    path = folder / f"{parsed.identity}.json"
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        # a file that a power cut has emptied, or that another version wrote, is as good as none
        kept = json.loads(path.read_bytes())
        if kept["format"] == FORMAT:
            with contextlib.suppress(OSError):
                os.utime(path)  # that it was used
            return {node: Compiled(**values) for node, values in kept["nodes"].items()}
    found = _compile(project, parsed, environment)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        # another process may clean at this moment
        for old in sorted(folder.glob("*.json"), key=lambda each: each.stat().st_mtime)[: -(KEPT - 1)]:
            old.unlink(missing_ok=True)
    nodes = {node: asdict(each) for node, each in found.items()}
    write_durably(path, json.dumps({"format": FORMAT, "nodes": nodes}).encode())
    return found


def _compile(project: DbtProjectFiles, parsed: ParsedProject, environment: Mapping[str, str]) -> dict[str, Compiled]:
    manifest = parsed.manifest()
    found = _rendered(project, parsed, environment, incremental=False)
    asking = [
        node
        for node in found
        if any(macro.rsplit(".", 1)[-1] == INCREMENTAL for macro in manifest["nodes"][node]["depends_on"]["macros"])
    ]
    if not asking:
        return found
    later = _rendered(project, parsed, environment, incremental=True)
    return {
        node: Compiled(each.sql, later[node].sql, each.problem or later[node].problem) if node in asking else each
        for node, each in found.items()
    }


def _rendered(
    project: DbtProjectFiles, parsed: ParsedProject, environment: Mapping[str, str], *, incremental: bool
) -> dict[str, Compiled]:
    manifest = fresh_manifest(parsed)
    for macro in manifest.macros.values():
        if macro.name == INCREMENTAL:
            answer = "true" if incremental else "false"
            macro.macro_sql = f"{{% macro {INCREMENTAL}() %}}{{{{ return({answer}) }}}}{{% endmacro %}}"
    wanted = {
        unique_id: node
        for unique_id, node in manifest.nodes.items()
        if node.resource_type in ("model", "snapshot") and node.language == "sql"
    }
    found: dict[str, Compiled] = {}
    while left := [node for unique_id, node in wanted.items() if unique_id not in found]:
        # what is behind a node that cannot be compiled is skipped, unless it is asked for alone
        selection = [f"fqn:{'.'.join(node.fqn)}" for node in left] if found else list(KINDS)
        results = _dbt_compile(project, manifest, environment, selection)
        ended = {unique_id: each for unique_id, each in results.items() if unique_id in wanted}
        if not ended.keys() - found.keys():
            more = {node.unique_id: Compiled(None, problem="dbt compiles it with no model before it") for node in left}
            return {**found, **more}
        found |= ended
    return found


def _dbt_compile(
    project: DbtProjectFiles, manifest: Any, environment: Mapping[str, str], selection: Sequence[str]
) -> dict[str, Compiled]:
    """What dbt makes of the selected nodes; those that it skipped are left out."""
    variables = json.dumps({PARTITIONS_VARIABLE: {"default": [PARTITION]}})
    with tempfile.TemporaryDirectory() as written, _to_the_end():
        options = [*QUIETLY, "--log-path", written]
        command = [*options, "compile", "--no-introspect", "--no-populate-cache", *project.arguments(Path(written))]
        result = run_dbt([*command, "--vars", variables, "--select", *selection], manifest, environment)
    results = getattr(result.result, "results", None)
    if results is None:
        raise DbtFailed(f"dbt compile ended without a result: {' '.join(str(result.exception).split())}")
    found: dict[str, Compiled] = {}
    for each in results:
        status = str(getattr(each.status, "value", each.status))
        if status == "error":
            found[each.node.unique_id] = Compiled(None, problem=_problem(each.message or ""))
        elif status != "skipped":
            found[each.node.unique_id] = Compiled(each.node.compiled_code)
    return found


def _problem(message: str) -> str:
    if NO_CONNECTION in message:
        return "its SQL depends on a query, and none is asked"
    return f"dbt cannot compile it: {' '.join(message.split())[:200]}"


@contextlib.contextmanager
def _to_the_end() -> Iterator[None]:
    """Let dbt compile the other nodes when it cannot compile one, at which it ends otherwise, and print no SQL."""
    from dbt.task.compile import CompileTask

    replaced = {"raise_on_first_error": lambda _: False, "task_end_messages": lambda *_: None}
    before = {name: getattr(CompileTask, name) for name in replaced}
    try:
        for name, method in replaced.items():
            setattr(CompileTask, name, method)
        yield
    finally:
        for name, method in before.items():
            setattr(CompileTask, name, method)
