"""Reads a contract: an Open Data Contract Standard file becomes a :class:`Contract`, or all of its problems.

This is the only place where a contract is read. The parts are read in ``document`` (the standard's shape),
``columns``, ``quality``, ``terms`` and beside them. Whether its SQL can be carried out is asked of a check that is
handed in, since nothing here knows SQL: whoever needs a contract reads it with ``sql.contract_file``.

A file may describe several tables. Each is a contract of its own here, and a mistake in one is none of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_assets.contracts.about import about
from platform_assets.contracts.asked import Asked
from platform_assets.contracts.columns import read_columns
from platform_assets.contracts.document import load, parse
from platform_assets.contracts.file_format import read_format
from platform_assets.contracts.freshness import read_freshness
from platform_assets.contracts.model import Contract
from platform_assets.contracts.orchestration import as_group, as_name, as_tag, noted
from platform_assets.contracts.owners import as_owner, read_owners
from platform_assets.contracts.paths import check_paths, read_rows_path
from platform_assets.contracts.problems import ContractError, Findings, Path_, suggestion
from platform_assets.contracts.properties import custom, mappings
from platform_assets.contracts.quality import QualityReader
from platform_assets.contracts.terms import read_terms

CheckSql = Callable[[Contract, Path_, Findings], None]
"""Adds what is wrong with the SQL of a contract, whose table is at the path, to the findings."""


@dataclass(frozen=True)
class Document:
    """A contract file as it is looked at: a contract for each of its tables, and what is reported of the file."""

    contracts: tuple[Contract, ...]
    notes: tuple[str, ...]


def contract_of_file(path: Path, check_sql: CheckSql, asked: Asked) -> Contract:
    """The contract of one feed in ``path``; :class:`ContractError` with every problem when it cannot be used."""
    return _contract(*load(path), check_sql, asked)


def contract_of_text(text: str, path: Path, check_sql: CheckSql, asked: Asked) -> Contract:
    """The contract of one feed in a YAML text; ``path`` is what its problems are reported with."""
    findings = Findings(path, {})
    return _contract(parse(text, findings), findings, check_sql, asked)


def document_of_file(path: Path, check_sql: CheckSql) -> Document:
    """All of a file, whatever feeds there are of it; :class:`ContractError` with every problem."""
    return _document(*load(path), check_sql)


def document_of_text(text: str, path: Path, check_sql: CheckSql) -> Document:
    """All of a YAML text."""
    findings = Findings(path, {})
    return _document(parse(text, findings), findings, check_sql)


def name_in_file(path: Path, schema: str | None) -> str | None:
    """The name of a feed whose contract cannot be used, as far as it can be seen in the file."""
    data, _ = load(path)
    tables = [table for _, table in mappings(data, "schema")]
    names = [str(table.get("name") or table.get("physicalName") or "") for table in tables]
    name = schema or (names[0] if len(names) == 1 else "")
    return as_name(name) or None


def _document(data: dict[str, Any], findings: Findings, check_sql: CheckSql) -> Document:
    tables = mappings(data, "schema")
    if data and not tables:
        findings.note(("schema",), "there is no table, so no feed can be made of this contract")
    contracts, notes, problems = [], [], list(findings.problems)
    for index, table in tables:
        if not mappings(table, "properties"):
            findings.note(("schema", index), "has no properties, so no feed can be made of it")
            continue
        own = Findings(findings.file, findings.lines)
        contract = _assemble(data, index, table, own, check_sql, Asked(for_feed=False))
        contracts.append(contract)
        notes += own.notes
        problems += own.problems
    if problems:
        raise ContractError(dict.fromkeys(problems))
    return Document(tuple(contracts), tuple(dict.fromkeys([*findings.notes, *notes])))


def _contract(data: dict[str, Any], findings: Findings, check_sql: CheckSql, asked: Asked) -> Contract:
    chosen = _chosen(data, asked, findings) if data else None
    if chosen is None:
        raise ContractError(findings.problems)
    index, table = chosen
    others = [f"schema[{other}]" for other, _ in mappings(data, "schema") if other != index]
    if others:
        # a mistake in a table costs the feed of that table
        findings.problems = [p for p in findings.problems if not p.key.startswith(tuple(others))]
        findings.notes = [n for n in findings.notes if not any(f": {other}" in n for other in others)]
    contract = _assemble(data, index, table, findings, check_sql, asked)
    if findings.problems:
        raise ContractError(findings.problems)
    return contract


def _chosen(data: dict[str, Any], asked: Asked, findings: Findings) -> tuple[int, dict[str, Any]] | None:
    """The table of the feed, with its index."""
    tables = mappings(data, "schema")
    names = {str(table.get(key)): (index, table) for key in ("physicalName", "name") for index, table in tables}
    if asked.schema is not None:
        if asked.schema not in names:
            listed = ", ".join(str(table.get("name")) for _, table in tables) or "none"
            message = f"`schema: {asked.schema}` of defs.yaml is not one of its tables: {listed}"
            findings.problem(("schema",), message + suggestion(asked.schema, names))
            return None
        return names[asked.schema]
    if not tables:
        findings.problem(("schema",), "must be a list of tables, of which a feed needs one")
        return None
    if len(tables) > 1:
        listed = ", ".join(str(table.get("name")) for _, table in tables)
        findings.problem(("schema", 1), f"there are {len(tables)} tables; say `schema:` in defs.yaml, one of {listed}")
        return None
    return tables[0]


def _assemble(
    data: dict[str, Any], index: int, table: dict[str, Any], findings: Findings, check_sql: CheckSql, asked: Asked
) -> Contract:
    path = ("schema", index)
    name = str(table.get("name") or table.get("physicalName") or "")
    if not name:
        findings.problem((*path, "name"), "the table needs a name, which is the feed's")
    columns, key, rules = read_columns(table, data, path, findings)
    quality = QualityReader(columns, data, table, findings)
    quality.read(path)
    rows_path = read_rows_path(custom(table, path, ("path",), findings).get("path"), findings)
    description = data.get("description")
    described = description.get("purpose") if isinstance(description, dict) else None
    terms = {"owners": read_owners(data), **read_terms(data, findings)}
    terms["owners"] = tuple(dict.fromkeys(map(as_owner, terms["owners"])))
    domain = data.get("domain")
    contract = Contract(
        name=noted(name, as_name(name), (*path, "name"), findings),
        version=str(data.get("version")),
        path=findings.file,
        format=read_format(data, asked, findings),
        columns=columns,
        description=str(table.get("description") or described or ""),
        domain=None if not domain else noted(str(domain), as_group(str(domain)), ("domain",), findings),
        tags=tuple(dict.fromkeys((*_tags(data, (), findings), *_tags(table, path, findings)))),
        primary_key=key,
        rows_path=rows_path,
        row_expressions=(*rules, *quality.rows),
        batch_rules=tuple(quality.batch),
        freshness=read_freshness(data, table, findings),
        about=about(data, table),
        **terms,
    )
    check_paths(contract, path, findings)
    check_sql(contract, path, findings)
    object.__setattr__(contract, "notes", tuple(dict.fromkeys(findings.notes)))
    object.__setattr__(contract, "undecided", tuple(findings.undecided))
    return contract


def _tags(owner: dict[str, Any], path: Path_, findings: Findings) -> list[str]:
    tags = owner.get("tags")
    return [
        noted(str(tag), as_tag(str(tag)), (*path, "tags", index), findings)
        for index, tag in enumerate(tags if isinstance(tags, list) else [])
    ]
