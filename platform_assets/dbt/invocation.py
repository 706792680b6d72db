"""A dbt command over some nodes and some partitions of a parsed project, and how each node ended."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.dbt.errors import gave_no_number, without_values
from platform_assets.dbt.manifests import fresh_manifest
from platform_assets.dbt.parsed import ParsedProject
from platform_assets.dbt.project import DbtProjectFiles
from platform_assets.dbt.runner import run_dbt
from platform_assets.dbt.seeds import make_seeds_anew
from platform_assets.dbt.stored_failures import store_no_failures
from platform_assets.dbt.thresholds import DEFAULT, Thresholds
from platform_assets.failures import Kind, PlatformError
from platform_assets.wording import counted

PARTITIONS_VARIABLE = "platform_partitions"
"""The dbt variable that the macro `in_partitions` reads."""


QUIETLY = (
    *("--quiet", "--log-level", "none", "--log-level-file", "none"),
    *("--no-write-json", "--no-send-anonymous-usage-stats", "--no-fail-fast"),
)
"""The artifacts of a run would be written over each other by runs side by side, and nobody reads them; and no run waits
for the server that dbt reports its use to. A failure stops what depends on it, and nothing else. What dbt logs of an
error may quote a row: what may be said of it is in the results."""

OPTIONS = {
    "run": ["--cache-selected-only"],
    "build": ["--cache-selected-only"],
    "test": ["--no-populate-cache"],
    "compile": ["--no-populate-cache"],
}
"""What dbt lists of the warehouse before a command's nodes: the schemas of the models, and nothing for tests."""

AFTER = {"build": ["--no-empty", "--indirect-selection", "empty"], "run": ["--no-empty"]}
"""All rows, whatever a variable says. A `dbt build` runs the tests that are named, and none of its models besides."""

PREPARED = "platform_assets.dbt.prepared"
"""Imported by runs, so that a process that forks runs imports it too."""

SHOWN = 4
"""So many nodes are named in the log; more are counted."""


class DbtFailed(PlatformError):
    """A dbt command ended without saying anything of the nodes themselves; the message is dbt's own."""

    kind = Kind.INFRASTRUCTURE
    code = "dbt:no_result"


@dataclass(frozen=True)
class NodeResult:
    """How one node ended. ``status`` is dbt's: success, error, skipped, pass, fail or warn.

    A test has ``thresholds``; ``warnings_fail`` says that dbt was asked (`DBT_WARN_ERROR`) to let its warnings fail.
    """

    unique_id: str
    status: str
    message: str
    seconds: float
    compiled_sql: str | None
    failures: int
    thresholds: Thresholds = DEFAULT
    warnings_fail: bool = False

    @property
    def is_bad(self) -> bool:
        return self.status in ("error", "fail", "runtime error", "skipped", "partial success")

    @property
    def has_no_number(self) -> bool:
        """Whether it is a test whose `fail_calc` gave no whole number, which dbt takes for an error."""
        return self.is_error and gave_no_number(self.message)

    @property
    def is_error(self) -> bool:
        """Whether it could not be run to its end, which may be its own fault or the machine's."""
        return self.status in ("error", "runtime error", "partial success")


def invoke(
    project: DbtProjectFiles,
    parsed: ParsedProject,
    command: str,
    selection: Sequence[str],
    *,
    partitions: Mapping[str, Any] | None,
    environment: Mapping[str, str],
    stores_failures: bool = False,
) -> list[NodeResult]:
    """Run ``dbt <command>`` over the nodes that ``selection`` names, in the state of ``project`` that was ``parsed``.

    ``partitions`` is the value of `platform_partitions`, None for a project without partitions; ``environment`` holds
    the variables that the profile reads, set for the length of the call. With ``stores_failures`` tests make their
    tables of failures, as they are configured.

    Raises:
        DbtFailed: if dbt could not run at all.
    """
    arguments = [*QUIETLY, *OPTIONS[command], command, *AFTER.get(command, ()), *project.arguments()]
    if partitions is not None:
        arguments += ["--vars", json.dumps({PARTITIONS_VARIABLE: partitions})]
    arguments += ["--select", *selection]
    manifest = fresh_manifest(parsed)
    make_seeds_anew(manifest)
    if not stores_failures:
        store_no_failures(manifest)
    result = run_dbt(arguments, manifest, environment)
    importlib.import_module(PREPARED)
    results = getattr(result.result, "results", None)
    if results is None:
        raise DbtFailed(f"dbt {command} ended without a result: {result.exception}")
    warnings_fail = _warnings_fail()
    return [_node_result(node, warnings_fail) for node in results]


def in_one_line(
    command: str, nodes: Sequence[str], partitions: Sequence[str], results: Sequence[NodeResult], seconds: float
) -> str:
    """An invocation for the log: which ``nodes`` (unique ids) were run, for which partitions, and how they ended."""
    models = [node for node in nodes if node.startswith("model.")]
    first = models or nodes
    named = ", ".join(node.split(".")[2] for node in first) if len(first) <= SHOWN else f"{len(first)} nodes"
    if tests := len(nodes) - len(first):
        named += f" and {counted(tests, 'test')}"
    span = partitions[0] if len(partitions) == 1 else f"{len(partitions)} partitions"
    if len(partitions) > 1:
        span += f" from {partitions[0]} to {partitions[-1]}"
    counts = Counter(result.status for result in results)
    ended = ", ".join(f"{counts[status]} {status}" for status in sorted(counts))
    return f"dbt {command} of {named}, {span}, in {seconds:.2f} s: {ended}"


def _warnings_fail() -> bool:
    """Whether the command that has just ended let warnings of tests fail."""
    from dbt.flags import get_flags

    flags = get_flags()
    return bool(flags.WARN_ERROR or flags.WARN_ERROR_OPTIONS.includes("LogTestResult"))


def _node_result(result: Any, warnings_fail: bool) -> NodeResult:
    config = result.node.config
    is_test = str(result.node.resource_type) == "test"
    return NodeResult(
        unique_id=result.node.unique_id,
        status=str(getattr(result.status, "value", result.status)),
        message=without_values(result.message or ""),
        seconds=float(result.execution_time or 0),
        compiled_sql=getattr(result.node, "compiled_code", None),
        failures=int(getattr(result, "failures", 0) or 0),
        thresholds=Thresholds(config.fail_calc, config.warn_if, config.error_if) if is_test else DEFAULT,
        warnings_fail=warnings_fail,
    )
