"""Contracts as they are read for use: with their SQL checked."""

from __future__ import annotations

from pathlib import Path

from platform_assets.contracts.asked import Asked
from platform_assets.contracts.model import Contract
from platform_assets.contracts.problems import ContractError, Problem
from platform_assets.contracts.reader import (
    Document,
    contract_of_file,
    contract_of_text,
    document_of_file,
    document_of_text,
    name_in_file,
)
from platform_assets.sql.check import check_sql


def read_contract(
    path: Path, *, schema: str | None = None, files: str | None = None, format: str | None = None
) -> Contract:
    """The contract of one feed in ``path``; :class:`ContractError` with every problem when it cannot be used.

    ``schema`` names one of several tables. ``format`` is that of the files, where the contract names none; else it is
    what the pattern ``files`` ends in.
    """
    return contract_of_file(path, check_sql, Asked(schema, files, format))


def declared_name(path: Path, schema: str | None) -> str | None:
    """The name of a feed whose contract cannot be used, as far as the file says it."""
    return name_in_file(path, schema)


def parse_contract(text: str, path: Path, *, schema: str | None = None) -> Contract:
    """The contract of one feed in a YAML text; ``path`` is what its problems are reported with."""
    return contract_of_text(text, path, check_sql, Asked(schema))


def read_document(path: Path) -> Document:
    """All tables of a contract file; :class:`ContractError` with every problem."""
    return document_of_file(path, check_sql)


def parse_document(text: str, path: Path) -> Document:
    """All tables of a contract in a YAML text."""
    return document_of_text(text, path, check_sql)


def contract_problems(path: Path) -> list[Problem]:
    """Every problem of the file, in the order of its lines; an empty list for a contract that can be used."""
    try:
        read_contract(path)
    except ContractError as error:
        return list(error.problems)
    return []
