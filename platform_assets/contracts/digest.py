"""A digest of what a contract says about rows: two contracts of one digest make the same rows of one delivery."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict

from platform_assets.contracts.model import Contract

NOT_ABOUT_ROWS = (
    "path",
    "notes",
    "description",
    "domain",
    "owners",
    "tags",
    "batch_rules",
    "freshness",
    "not_due",
    "version",
)
VERSION = "1"
"""Raised when the same contract and delivery begin to make other rows."""


@functools.lru_cache(maxsize=2048)
def contract_digest(contract: Contract) -> str:
    """16 hex digits; descriptions, owners and the rules that ``publishing`` judges do not change them."""
    content = asdict(contract)
    for key in NOT_ABOUT_ROWS:
        del content[key]
    for column in content["columns"]:
        for key in ("description", "tags", "classification"):
            del column[key]
    text = json.dumps([VERSION, content], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
