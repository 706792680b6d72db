"""The failures by partition in the metadata of a step's `dagster.Failure`, as ``components.reporting`` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from platform_assets.failures import Failure, Kind
from platform_assets.notifiers import FailedPartition


def reported_failures(metadata: Mapping[str, Any]) -> Iterator[FailedPartition]:
    """Each failed partition that is named there, with its asset."""
    table = metadata.get("partitions")
    if not isinstance(table, dg.TableMetadataValue):
        return
    for record in table.records:
        of = record.data
        # somebody else's failure may have a table of that name too
        if not {"partition", "kind", "code", "problem", "next_step"} <= of.keys() or of["kind"] not in set(Kind):
            continue
        failure = Failure(Kind(str(of["kind"])), str(of["code"]), str(of["problem"]), str(of["next_step"]))
        yield FailedPartition(str(value_of(metadata, "asset", "")), str(of["partition"]), failure)


def value_of(metadata: Mapping[str, Any], name: str, default: Any) -> Any:
    """The plain value of one name, or ``default``."""
    found = metadata.get(name)
    return default if found is None else found.value
