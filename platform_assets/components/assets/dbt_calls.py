"""dbt, called by a run for nodes of one step: what its answer says of the nodes, and what of the machine under it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from platform_assets.components.assets.dbt_step import DbtStep
from platform_assets.dbt.errors import is_of_the_node
from platform_assets.dbt.graph import BUILT
from platform_assets.dbt.invocation import DbtFailed, NodeResult, in_one_line, invoke
from platform_assets.dbt.parsed import ParsedProject
from platform_assets.failures import for_log
from platform_assets.logs import logger
from platform_assets.warehouse.protocol import Warehouse

log = logger(__name__)

STORING_TRIES = 3
"""How often a table of failing rows is made, which another run may be making at the same moment."""


class DbtCalls:
    """The calls of one run; all of them use the project in the same state."""

    def __init__(self, step: DbtStep, warehouse: Warehouse, run_id: str) -> None:
        self.step, self.warehouse, self.run_id = step, warehouse, run_id
        self.environment = dict(warehouse.tool_variables())

    @cached_property
    def parsed(self) -> ParsedProject:
        """The project as it is when the step begins to build: what is run and what is tested are the same."""
        return self.step.files.parsed(self.environment)

    def call(
        self,
        command: str,
        nodes: Sequence[str],
        partitions: Mapping[str, Any] | None,
        span: Sequence[str],
        *,
        stores_failures: bool = False,
    ) -> list[NodeResult]:
        """Run dbt over some nodes; ``partitions`` is the value of `platform_partitions`, ``span`` its keys for the log.

        Raises:
            DbtFailed: if dbt, or the machine under it, failed; nothing can be said of the nodes then.
        """
        started = time.monotonic()
        with self.warehouse.reserve(purpose=f"dbt {command} in run {self.run_id}"):
            results = invoke(
                self.step.files,
                self.parsed,
                command,
                [self.step.selectors[node] for node in nodes],
                partitions=partitions,
                environment=self.environment,
                stores_failures=stores_failures,
            )
        log.info(in_one_line(command, nodes, span, results, time.monotonic() - started))
        for result in results:
            kind = result.unique_id.partition(".")[0]
            if (kind == "operation" and result.is_bad) or (kind in BUILT and result.unique_id not in nodes):
                raise DbtFailed(
                    f"dbt {command}: {result.unique_id} ended as {result.status} and is no model of this step: "
                    f"{' '.join(result.message.split())}. No partition got a verdict. Mend it, then materialize again."
                )
        for result in results:
            if result.is_error and not is_of_the_node(result.message, self.warehouse.blames_statement):
                raise DbtFailed(
                    f"dbt {command}: {result.unique_id}: {' '.join(result.message.split())}. That says nothing about "
                    "the model or its rows: no partition got a verdict. Mend it, then materialize them again."
                )
        return results

    def store_failures(self, tests: Sequence[str], partitions: Mapping[str, Any] | None, span: Sequence[str]) -> None:
        """Make the tables and views of failing rows, as dbt makes them; what becomes of them fails nothing."""
        why, tries = "", STORING_TRIES
        while tests and tries:
            tries -= 1
            try:
                results = self.call("test", tests, partitions, span, stores_failures=True)
            except Exception as error:
                why = for_log(error)
            else:
                errors = {result.unique_id: result.message for result in results if result.is_error}
                tests, why = [test for test in tests if test in errors], " ".join(" ".join(errors.values()).split())
        if tests:
            log.warning("the failing rows of %s are not stored: %s", ", ".join(tests), why)
