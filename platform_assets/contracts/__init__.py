"""Data contracts: Open Data Contract Standard files, read into the platform's own words and compiled to SQL.

``reader`` reads one, ``model`` says what it holds, ``row_rules`` compiles its row rules, ``changes`` compares two.
Nothing here knows of Dagster, of files' contents or of the warehouse. A first one is written in ``formats.inference``.
"""

from platform_assets.contracts.model import Contract
from platform_assets.contracts.problems import ContractError, Problem
from platform_assets.contracts.reader import contract_problems, read_contract
from platform_assets.contracts.types import raw_columns

__all__ = ["Contract", "ContractError", "Problem", "contract_problems", "raw_columns", "read_contract"]
