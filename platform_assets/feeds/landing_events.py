"""What is reported to Dagster of `landing/<feed>`: the deliveries that are there, and the files that belong to none.

The asset is external: nothing materializes it but the one who delivers. The arrival sensor and the step that
ingests say what they saw there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.feeds.feed import Feed
from platform_assets.lake.deliveries import Delivery, FileVersion, dagster_partition
from platform_assets.lake.names import shown
from platform_assets.landing.found import Arrivals

RECOGNIZED = "recognized"
"""Name of the check that every file in the landing folder belongs to a delivery of the feed."""

SHOWN = 20


def observed(feed: Feed, delivery: Delivery) -> dg.AssetObservation:
    """The delivery was seen in the landing folder."""
    return dg.AssetObservation(feed.landing_key, **_about(delivery))


def delivered(feed: Feed, delivery: Delivery) -> dg.AssetMaterialization:
    """The delivery was whole and was read, whatever became of its rows: freshness of the source counts from here."""
    return dg.AssetMaterialization(feed.landing_key, **_about(delivery))


def names_of_files(files: Sequence[FileVersion]) -> str:
    """The names of a delivery's files for an event: the first of them, and how many more there are."""
    first = ", ".join(shown(Path(file.path).name) for file in files[:SHOWN])
    return first if len(files) <= SHOWN else f"{first} and {len(files) - SHOWN} more"


def recognized(feed: Feed, found: Arrivals, withdrawn: Sequence[str] = ()) -> dg.AssetCheckEvaluation:
    """Whether what was ``found`` has paths that are no plain files, cannot be looked at, or fit no partition.

    Partitions whose files were ``withdrawn`` after they were ingested are named and fail nothing: many teams clear
    their landing folders.
    """
    strange = {path: f"is {kind}, not a file" for path, kind in sorted(found.irregular.items())}
    strange |= dict(sorted(found.faults.items()))
    strange |= dict.fromkeys(sorted(found.unmatched), "")
    metadata: dict[str, Any] = {"left_alone": dg.MetadataValue.int(len(strange))}
    if strange:
        schema = dg.TableSchema([dg.TableColumn("path", "string"), dg.TableColumn("problem", "string")])
        first = [(path, why or _unmatched(feed, path)) for path, why in list(strange.items())[:SHOWN]]
        records = [dg.TableRecord({"path": shown(path), "problem": why}) for path, why in first]
        metadata["files"] = dg.MetadataValue.table(records=records, schema=schema)
    if withdrawn:
        more = f" and {len(withdrawn) - SHOWN} more" if len(withdrawn) > SHOWN else ""
        metadata["withdrawn"] = dg.MetadataValue.text(", ".join(map(shown, withdrawn[:SHOWN])) + more)
    return dg.AssetCheckEvaluation(
        asset_key=feed.landing_key,
        check_name=RECOGNIZED,
        passed=not strange,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def _unmatched(feed: Feed, path: str) -> str:
    return f"is part of no delivery of the feed: {feed.why_unmatched(path)}"


def _about(delivery: Delivery) -> dict[str, Any]:
    return {
        "partition": dagster_partition(delivery.partition),
        "metadata": {
            "files": names_of_files(delivery.files),
            "bytes": sum(file.size for file in delivery.files),
        },
        "tags": {"dagster/data_version": delivery.version},
    }
