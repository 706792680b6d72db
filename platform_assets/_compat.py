"""What Dagster does not call public, but for the event log; tests/test_compat.py fails when one moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

NOT_A_MATERIALIZATION: Mapping[str, Any] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
"""Metadata of an Output after which Dagster does not mark the step's whole partition range as materialized."""

__all__ = ["NOT_A_MATERIALIZATION", "materialized_data_versions"]


def materialized_data_versions(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str]
) -> dict[str | None, str]:
    """The data version of the latest materialization of ``partitions``; under None that of an asset without any."""
    last = instance.get_latest_materialization_event(key)
    if last is None or last.asset_materialization is None:
        return {}
    if last.asset_materialization.partition is None:
        return {None: (last.asset_materialization.tags or {}).get(DATA_VERSION_TAG, "")}
    found = instance.event_log_storage.get_latest_tags_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG], asset_partitions=partitions
    )
    return {partition: tags[DATA_VERSION_TAG] for partition, tags in found.items() if DATA_VERSION_TAG in tags}
