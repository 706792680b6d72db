"""The names of the tags that runs of feeds have: those of the platform, and those of Dagster that it reads or sets.

Only names are here, so that whoever needs one imports nothing else.
"""

from __future__ import annotations

FORCE = "platform/force"
"""Of a run that reads deliveries again, whatever is known of them."""

RELOAD = "platform/reload"
"""Of a run that writes partitions anew under the contract as it is now: from their deliveries where these are still
there, else from the lake."""

WHOLE = "platform/whole_up_to"
"""Of a run that a tick asked for: what changed up to this time, in ns, is whole, however short ago that was."""

WORKER = "platform/worker"
"""Of a run that has a process: the machine, the process and when it began."""

PARTITION = "dagster/partition"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

MAX_RETRIES, RETRY_STRATEGY = "dagster/max_retries", "dagster/retry_strategy"
