"""Reads a contract: an Open Data Contract Standard file becomes a :class:`Contract`, or all of its problems.

This is the only place where a contract is read. The parts are read in ``document`` (the standard's shape),
``columns``, ``quality`` and ``terms``. Whether its SQL can be carried out is asked of a check that is handed in, since
nothing here knows SQL: whoever needs a contract reads it with ``sql.contract_file``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from platform_assets.contracts.columns import read_columns
from platform_assets.contracts.document import load, parse
from platform_assets.contracts.model import Contract
from platform_assets.contracts.orchestration import check_names
from platform_assets.contracts.paths import check_paths, read_rows_path
from platform_assets.contracts.problems import ContractError, Findings, Path_
from platform_assets.contracts.properties import custom, mappings, texts
from platform_assets.contracts.quality import QualityReader
from platform_assets.contracts.terms import read_format, read_freshness, read_owners, read_terms

NOT_CARRIED_OUT = ("roles", "price", "context")


CheckSql = Callable[[Contract, Path_, Findings], None]
"""Adds what is wrong with the SQL of a contract, whose table is at the path, to the findings."""


def contract_of_file(path: Path, check_sql: CheckSql) -> Contract:
    """The contract in ``path``; :class:`ContractError` with every problem when it cannot be used."""
    data, findings = load(path)
    return _finish(data, findings, check_sql)


def contract_of_text(text: str, path: Path, check_sql: CheckSql) -> Contract:
    """The contract in a YAML text; ``path`` is what its problems are reported with."""
    findings = Findings(path, {})
    return _finish(parse(text, findings), findings, check_sql)


def _finish(data: dict[str, Any], findings: Findings, check_sql: CheckSql) -> Contract:
    contract = _assemble(data, findings, check_sql) if data else None
    if findings.problems or contract is None:
        raise ContractError(findings.problems)
    return contract


def _assemble(data: dict[str, Any], findings: Findings, check_sql: CheckSql) -> Contract | None:
    tables = mappings(data, "schema")
    if not tables:
        if data.get("schema"):
            findings.problem(("schema",), "must be a list with one object")
        return None
    if len(tables) > 1:
        findings.problem(("schema", 1), "a feed has one table; give each table a contract of its own")
    index, table = tables[0]
    path = ("schema", index)
    name = table.get("name") or table.get("physicalName")
    if not name:
        findings.problem((*path, "name"), "the table needs a name, which is the feed's")
    columns, key, rules = read_columns(table, path, findings)
    quality = QualityReader(columns, findings)
    quality.read(table, path)
    rows_path = read_rows_path(custom(table, path, ("path",), findings).get("path"), findings)
    for part in NOT_CARRIED_OUT:
        if data.get(part):
            findings.note((part,), "is not carried out by the platform")
    description = data.get("description")
    described = description.get("purpose") if isinstance(description, dict) else description
    terms = {"owners": read_owners(data), **read_terms(data, findings)}
    contract = Contract(
        name=str(name),
        version=str(data.get("version")),
        path=findings.file,
        format=read_format(data, findings),
        columns=columns,
        description=str(table.get("description") or described or ""),
        domain=data.get("domain"),
        tags=(*texts(data, "tags"), *texts(table, "tags")),
        primary_key=key,
        rows_path=rows_path,
        row_expressions=(*rules, *quality.rows),
        batch_rules=tuple(quality.batch),
        freshness=read_freshness(data, findings),
        **terms,
    )
    check_paths(contract, path, findings)
    check_names(contract, data, path, findings)
    check_sql(contract, path, findings)
    object.__setattr__(contract, "notes", tuple(findings.notes))
    return contract
