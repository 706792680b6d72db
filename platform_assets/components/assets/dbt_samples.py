"""A few failing rows of a dbt test, without personal columns: only what is known to be harmless leaves the warehouse.

Harmless is a column whose values come, through the SQL of the models, from columns of raw tables that their contracts
do not classify, and one that the dbt project itself calls public (`meta: {classification: public}`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from platform_assets.access.access_file import PUBLIC
from platform_assets.access.labels import table_labels
from platform_assets.components.assets.dbt_calls import DbtCalls
from platform_assets.contracts.model import Contract
from platform_assets.dbt.attribution import TestVerdict
from platform_assets.dbt.graph import BUILT, READ, table_of_node
from platform_assets.dbt.harmless import HarmlessColumns, Sample
from platform_assets.dbt.invocation import NodeResult, invoke
from platform_assets.dbt.selectors import selector_of
from platform_assets.failures import for_log
from platform_assets.logs import logger
from platform_assets.publishing.fingerprints import is_one_of
from platform_assets.warehouse.protocol import PARTITION, PARTITION_NAME, Session, TableName

log = logger(__name__)

ROWS = 5
"""So many failing rows of a test are shown."""

LONGEST = 200
"""Characters of a value that are shown."""


def failing_rows(
    calls: DbtCalls,
    results: Mapping[str, NodeResult],
    verdicts: Sequence[TestVerdict],
    compiled: Mapping[str, str],
    partitions: Mapping[str, Any] | None,
) -> dict[str, Sample]:
    """A sample by unique id for each test among ``verdicts`` that returned rows.

    ``compiled`` has the SQL of models of this run; that of others is compiled now, for ``partitions``. What is only to
    be looked at fails nothing: with an error there is no sample.
    """
    wanted = {v.test.unique_id: v for v in verdicts if _has_rows(v, results[v.test.unique_id])}
    if not wanted:
        return {}
    try:
        return _failing_rows(calls, results, wanted, compiled, partitions)
    except Exception as error:
        log.warning("no failing rows are shown: %s", for_log(error))
        return {}


def _has_rows(verdict: TestVerdict, result: NodeResult) -> bool:
    was_evaluated = not result.is_error or result.has_no_number
    return bool(result.compiled_sql) and was_evaluated and not verdict.test.is_unit_test


def _failing_rows(
    calls: DbtCalls,
    results: Mapping[str, NodeResult],
    verdicts: Mapping[str, TestVerdict],
    compiled: Mapping[str, str],
    partitions: Mapping[str, Any] | None,
) -> dict[str, Sample]:
    manifest = calls.parsed.manifest()
    above = _above(manifest, list(verdicts))
    nodes = {node: manifest["nodes"].get(node) or manifest["sources"][node] for node in above}
    tables = {node: table_of_node(nodes[node]) for node in above if nodes[node]["resource_type"] in READ}
    sql = _compiled(calls, nodes, compiled, partitions)
    contracts = calls.step.contracts_by_table()
    by_table = {table: nodes[node] for node, table in tables.items()}

    def said(table: TableName, column: str) -> bool | None:
        return _said(by_table[table], contracts.get(table), column)

    with calls.warehouse.session(read_only=True, purpose="reading failing rows of tests") as session:
        columns = {table: session.columns(table) or () for table in tables.values()}
        of_models = {tables[node]: text for node, text in sql.items() if node in tables}
        harmless = HarmlessColumns(calls.step.about.dialect, columns, of_models, said)
        found = {}
        for test, verdict in verdicts.items():
            text = results[test].compiled_sql or ""
            shown = harmless.of_query(text)
            if shown:
                found[test] = _sample(session, text, shown, verdict)
        return found


def _sample(session: Session, sql: str, shown: Mapping[str, bool], verdict: TestVerdict) -> Sample:
    names = [column for column, is_harmless in shown.items() if is_harmless]
    left_out = tuple(column for column in shown if column not in names)
    if not names:
        return Sample((), (), left_out)
    listed = ", ".join(session.quote(name) for name in names)
    where = ""
    if verdict.found:
        where = f" WHERE {is_one_of(session, f'CAST({PARTITION_NAME} AS VARCHAR)', sorted(verdict.found))}"
    rows = session.execute(f"SELECT {listed} FROM ({sql}\n) AS failing{where} ORDER BY {listed} LIMIT {ROWS}")
    return Sample(tuple(names), tuple(tuple(map(_shown, row)) for row in rows), left_out)


def _shown(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)[:LONGEST]


def _said(node: Mapping[str, Any], contract: Contract | None, column: str) -> bool | None:
    """Whether a column of a node is harmless; None where the SQL of a model has to tell."""
    if column == PARTITION:
        return True
    words = {name.lower(): about for name, about in node.get("columns", {}).items()}.get(column, {})
    meta = {**(words.get("meta") or {}), **((words.get("config") or {}).get("meta") or {})}
    if "classification" in meta:
        return str(meta["classification"]).strip().lower() in PUBLIC
    if node["resource_type"] == "source":
        return contract is not None and not table_labels(contract, column) - {*PUBLIC}
    return None


def _above(manifest: Mapping[str, Any], tests: Sequence[str]) -> list[str]:
    """Everything that the tests read, directly or not, but themselves."""
    seen, ahead = set(tests), list(tests)
    while ahead:
        for parent in manifest["parent_map"].get(ahead.pop(), []):
            if parent not in seen and (parent in manifest["nodes"] or parent in manifest["sources"]):
                seen.add(parent)
                ahead.append(parent)
    return sorted(seen - set(tests))


def _compiled(
    calls: DbtCalls,
    nodes: Mapping[str, Mapping[str, Any]],
    compiled: Mapping[str, str],
    partitions: Mapping[str, Any] | None,
) -> dict[str, str]:
    """The SQL of the models among ``nodes``, by unique id; that of ``compiled`` is taken as it is."""
    missing: Collection[str] = [
        node
        for node, about in nodes.items()
        if about["resource_type"] in BUILT and about["resource_type"] != "seed" and node not in compiled
    ]
    missing = [node for node in missing if nodes[node]["config"].get("materialized") != "ephemeral"]
    found = {node: sql for node, sql in compiled.items() if node in nodes}
    if missing:
        selection = [selector_of(nodes[node]) for node in missing]
        with calls.warehouse.reserve(purpose=f"compiling models in run {calls.run_id}"):
            results = invoke(
                calls.step.files,
                calls.parsed,
                "compile",
                selection,
                partitions=partitions,
                environment=calls.environment,
            )
        found |= {result.unique_id: result.compiled_sql for result in results if result.compiled_sql}
    return found
