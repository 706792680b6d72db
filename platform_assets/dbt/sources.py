"""dbt's description of the raw tables, made from the contracts, so that the two cannot differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from platform_assets.contracts.domain import under_domain
from platform_assets.contracts.model import Contract
from platform_assets.dbt.declared import declared
from platform_assets.execution import current_execution
from platform_assets.sql.contract_file import read_contract
from platform_assets.sql.types import raw_columns
from platform_assets.warehouse.protocol import PARTITION_COLUMN

HEADER = "# Made from the contracts by `platform-assets dbt sources`; change those, not this file.\n"


def contracts_below(folder: Path) -> list[Contract]:
    """The contract of every FileFeed below ``folder``, by name.

    Raises:
        ContractError: if one of them is wrong.
    """
    contracts = {
        contract.name: contract
        for defs in folder.rglob("defs.yaml")
        for attributes in declared(defs, "FileFeed")
        for contract in [feed_contract(defs.parent, attributes)]
    }
    return sorted(contracts.values(), key=lambda contract: contract.name)


def feed_contract(folder: Path, attributes: Mapping[str, Any]) -> Contract:
    """The contract of a FileFeed with these ``attributes``, whose defs.yaml is in ``folder``."""
    schema, files, form = (attributes.get(word) for word in ("schema", "files", "format"))
    path = folder / str(attributes.get("contract", "contract.yaml"))
    contract = read_contract(path, schema=schema, files=files, format=form)
    asked = attributes.get("domain_in_key")
    with_domain = current_execution().domain_in_keys if asked is None else asked
    return under_domain(contract) if with_domain and contract.domain else contract


def sources_yaml(contracts: Iterable[Contract]) -> str:
    """The text of a dbt sources file for the schema `raw`: a table for each contract, with its columns."""
    tables = [
        {
            "name": contract.name,
            "description": " ".join(contract.description.split()),
            **_meta(contract),
            "columns": [
                {"name": name, "data_type": kind.lower(), "description": " ".join(text.split())}
                for name, kind, text in [*raw_columns(contract), PARTITION_COLUMN]
            ],
        }
        for contract in contracts
    ]
    document = {"version": 2, "sources": [{"name": "raw", "schema": "raw", "tables": tables}]}
    return HEADER + str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))


def _meta(contract: Contract) -> dict[str, Any]:
    """Which asset the table is, where dbt's own name for it does not say so."""
    if not contract.key:
        return {}
    return {"config": {"meta": {"dagster": {"asset_key": ["raw", *contract.key]}}}}
