"""Contracts as they are read for use: with their SQL checked."""

from __future__ import annotations

from pathlib import Path

from platform_assets.contracts.model import Contract
from platform_assets.contracts.problems import ContractError, Problem
from platform_assets.contracts.reader import contract_of_file, contract_of_text
from platform_assets.sql.check import check_sql


def read_contract(path: Path) -> Contract:
    """The contract in ``path``; :class:`ContractError` with every problem when it cannot be used."""
    return contract_of_file(path, check_sql)


def parse_contract(text: str, path: Path) -> Contract:
    """The contract in a YAML text; ``path`` is what its problems are reported with."""
    return contract_of_text(text, path, check_sql)


def contract_problems(path: Path) -> list[Problem]:
    """Every problem of the file, in the order of its lines; an empty list for a contract that can be used."""
    try:
        read_contract(path)
    except ContractError as error:
        return list(error.problems)
    return []
