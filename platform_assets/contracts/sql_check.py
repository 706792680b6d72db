"""Tries out the SQL and the regular expressions of a contract, so that their mistakes are told when it is read.

They are run on a table with the contract's columns and no rows, in an in-memory database that can reach neither
files nor the network.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

from platform_assets.contracts.identifiers import quoted, sql_text
from platform_assets.contracts.model import Contract, Metric
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.types import sql_type

if TYPE_CHECKING:
    import duckdb

_lock = threading.Lock()


def check_sql(contract: Contract, path: Path_, findings: Findings) -> None:
    """Add a problem for each pattern, row expression and SQL rule that the engine refuses."""
    for index, column in enumerate(contract.columns):
        if column.pattern is not None:
            _try(f"SELECT regexp_matches('', {sql_text(column.pattern)})", findings,
                 (*path, "properties", index, "logicalTypeOptions", "pattern"), "pattern")  # fmt: skip
    if not contract.row_expressions and not any(rule.metric is Metric.SQL for rule in contract.batch_rules):
        return
    columns = ", ".join(f"CAST(NULL AS {sql_type(column)}) AS {quoted(column.name)}" for column in contract.columns)
    table = f"(SELECT {columns} LIMIT 0) AS t"
    for row_rule in contract.row_expressions:
        _try(f"SELECT CAST(({row_rule.expression}) AS BOOLEAN) FROM {table}", findings, path, f"rule {row_rule.name!r}")
    for rule in contract.batch_rules:
        if rule.query is not None:
            _try(rule.query.replace("{table}", table), findings, path, f"rule {rule.name!r}")


def _try(sql: str, findings: Findings, path: Path_, what: str) -> None:
    import duckdb

    try:
        with _lock:
            _engine().execute(sql).fetchall()
    except duckdb.Error as error:
        findings.problem(path, f"{what} cannot be carried out: {str(error).splitlines()[0]}")


@functools.cache
def _engine() -> duckdb.DuckDBPyConnection:
    import duckdb

    engine = duckdb.connect(config={"threads": 1})
    engine.execute("SET enable_external_access = false")
    return engine
