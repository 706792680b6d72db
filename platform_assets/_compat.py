"""Every use of what Dagster does not call public, in one place; tests/test_compat.py fails when one moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._utils.warnings import disable_dagster_warnings

NOT_A_MATERIALIZATION: Mapping[str, Any] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
"""Metadata of an Output after which Dagster does not mark the step's whole partition range as materialized."""

__all__ = ["NOT_A_MATERIALIZATION", "disable_dagster_warnings"]
