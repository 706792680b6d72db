"""Reads a contract: an Open Data Contract Standard file becomes a :class:`Contract`, or all of its problems.

This is the only place where a contract is read. The parts are read in ``document`` (the standard's shape),
``columns``, ``quality`` and ``terms``; SQL in rules is tried out in ``sql_check``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from platform_assets.contracts.columns import read_columns
from platform_assets.contracts.document import load, parse
from platform_assets.contracts.model import Contract
from platform_assets.contracts.orchestration import check_names
from platform_assets.contracts.problems import ContractError, Findings, Problem
from platform_assets.contracts.properties import custom, mappings, texts
from platform_assets.contracts.quality import QualityReader
from platform_assets.contracts.sql_check import check_sql
from platform_assets.contracts.terms import read_format, read_freshness, read_owners, read_terms

NOT_CARRIED_OUT = ("roles", "price", "context")


def read_contract(path: Path) -> Contract:
    """The contract in ``path``; :class:`ContractError` with every problem when it cannot be used."""
    data, findings = load(path)
    return _finish(data, findings)


def parse_contract(text: str, path: Path) -> Contract:
    """The contract in a YAML text; ``path`` is what its problems are told with."""
    findings = Findings(path, {})
    return _finish(parse(text, findings), findings)


def contract_problems(path: Path) -> list[Problem]:
    """Every problem of the file, in the order of its lines; an empty list for a contract that can be used."""
    try:
        read_contract(path)
    except ContractError as error:
        return list(error.problems)
    return []


def _finish(data: dict[str, Any], findings: Findings) -> Contract:
    contract = _assemble(data, findings) if data else None
    if findings.problems or contract is None:
        raise ContractError(findings.problems)
    return contract


def _assemble(data: dict[str, Any], findings: Findings) -> Contract | None:
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
    custom(table, path, (), findings)
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
        row_expressions=(*rules, *quality.rows),
        batch_rules=tuple(quality.batch),
        freshness=read_freshness(data, findings),
        **terms,
    )
    check_names(contract, data, path, findings)
    check_sql(contract, path, findings)
    object.__setattr__(contract, "notes", tuple(findings.notes))
    return contract
