"""The names of the tags that runs of feeds have: those of the platform, and those of Dagster that it reads or sets.

Names are here, and how two of them are read, so that whoever needs one imports little else.
"""

from __future__ import annotations

from collections.abc import Mapping

from platform_assets.failures import Kind

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
RETRY_NUMBER, MAX_RUNTIME = "dagster/retry_number", "dagster/max_runtime"
ON_STEP_FAILURE = "dagster/retry_on_asset_or_op_failure"

TRY = "platform/try"
"""Of a run that the arrival sensor asked for: how often it has asked for its partitions. The sensor asks again."""

ASKED = "platform/asked_at"
"""Of such a run: when the sensor asked for it, in ns."""

OURS = "platform/run_retries"
"""Of a run whose number of run retries was set by the retry policy."""

KIND = "platform/retried_kind"
"""Of a run that Dagster starts again: the kind of failure that decided it. The next run has it from this one."""

MORE = "platform/more"
"""Of a run after one that had too little: time or memory, as a kind of failure."""

SIZE = "platform/size"
"""Of an asset, and of a run in a pod: its size class."""

ENDED = "platform/ended"
"""Of a run whose pod ended it, or kept it from beginning: kind of failure and code, such as memory/out_of_memory."""

LOST = "platform/lost_pods"
"""Of a run: how many pods of it, and of the runs that it goes on from, the cluster has taken away."""


def number(tags: Mapping[str, str], name: str) -> int:
    """The whole number that a tag holds; 0 where it is not there, or holds something else."""
    text = tags.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def kind_of(tags: Mapping[str, str]) -> Kind:
    """The kind of failure after which Dagster started this run; a process that died has left none."""
    text = tags.get(KIND, "")
    return Kind(text) if text in set(Kind) else Kind.INFRASTRUCTURE
