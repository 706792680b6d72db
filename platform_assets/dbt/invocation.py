"""dbt in this process: one command at a time, with the partitions passed in and the warehouse's file let go after.

Two invocations at once in one process fail, and a child forked while dbt's connection is open loses its writes
without a word: hence one lock, and every connection closed before the lock is given back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platform_assets.dbt.project import DbtProjectFiles

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

PARTITIONS_VARIABLE = "platform_partitions"
"""The dbt variable that the macro `in_partitions` reads."""

_one_at_a_time = threading.RLock()


class DbtFailed(RuntimeError):
    """A dbt command ended before it had a result for each node; the message is dbt's own."""


@dataclass(frozen=True)
class NodeResult:
    """How one node ended. ``status`` is dbt's: success, error, skipped, pass, fail or warn."""

    unique_id: str
    status: str
    message: str
    seconds: float
    compiled_sql: str | None
    failures: int

    @property
    def is_bad(self) -> bool:
        return self.status in ("error", "fail", "runtime error", "skipped", "partial success")


def run_dbt(arguments: Sequence[str], manifest: Any = None) -> dbtRunnerResult:
    """One dbt command; its connections are closed when this returns, whatever happened."""
    from dbt.cli.main import dbtRunner

    with _one_at_a_time:
        try:
            return dbtRunner(manifest=manifest).invoke(list(arguments))
        finally:
            _close_connections()


def invoke(
    project: DbtProjectFiles,
    command: str,
    selection: Sequence[str],
    *,
    partitions: Mapping[str, Any] | None,
    environment: Mapping[str, str],
) -> list[NodeResult]:
    """Run ``dbt <command>`` over the nodes that ``selection`` names, with a preloaded manifest.

    ``partitions`` is the value of `platform_partitions`, None for a project without partitions; ``environment`` holds
    the variables that the profile reads, set for the length of the call.

    Raises:
        DbtFailed: if dbt could not run at all.
    """
    import json

    from dbt.contracts.graph.manifest import Manifest

    manifest = Manifest.from_msgpack(project.parsed_path.read_bytes())
    manifest.build_flat_graph()
    arguments = ["--quiet", command, *project.arguments(), "--target-path", str(project.target_path)]
    if partitions is not None:
        arguments += ["--vars", json.dumps({PARTITIONS_VARIABLE: partitions})]
    arguments += ["--select", *selection]
    with _one_at_a_time, _variables(environment):
        result = run_dbt(arguments, manifest)
    results = getattr(result.result, "results", None)
    if results is None:
        raise DbtFailed(f"dbt {command} ended without a result: {result.exception}")
    return [_node_result(node) for node in results]


def _node_result(result: Any) -> NodeResult:
    return NodeResult(
        unique_id=result.node.unique_id,
        status=str(getattr(result.status, "value", result.status)),
        message=result.message or "",
        seconds=float(result.execution_time or 0),
        compiled_sql=getattr(result.node, "compiled_code", None),
        failures=int(getattr(result, "failures", 0) or 0),
    )


def _close_connections() -> None:
    # dbt-duckdb keeps the database open in a class attribute after the command has ended
    from dbt.adapters.factory import FACTORY, reset_adapters

    for adapter in list(FACTORY.adapters.values()):
        adapter.connections.cleanup_all()
        close_all = getattr(type(adapter.connections), "close_all_connections", None)
        if close_all is not None:
            close_all()
    reset_adapters()


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
