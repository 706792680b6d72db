"""A feed as its assets and its sensor see it: contract, partitions and where its files are found.

What a defs.yaml may say is in ``file_feed``; here is what became of it.
"""

from dataclasses import dataclass
from functools import cached_property

import dagster as dg

from platform_assets.contracts.model import Contract
from platform_assets.feeds.expected import recent_keys
from platform_assets.feeds.partition_keys import PartitionKeys
from platform_assets.feeds.partition_names import may_hold, names_one_file, partition_key_of, parts_of, why_no_partition
from platform_assets.landing.found import Completeness
from platform_assets.landing.landing import FileNames, Landing
from platform_assets.landing.locations import open_landing
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.stability import KnownWhole, nothing_known
from platform_assets.platform_resource import PlatformResource
from platform_assets.warehouse.protocol import TableName


@dataclass(frozen=True)
class Pace:
    """How often the arrival sensor looks without a reason, and how many partitions it asks for in one run at most."""

    interval_seconds: int = 30
    partitions_per_run: int = 1_000


@dataclass(frozen=True)
class Feed:
    """What the assets of a feed share: its contract, how it is partitioned, and where its files are found."""

    contract: Contract
    partitions: dg.PartitionsDefinition | None
    pattern: ArrivalPattern
    completeness: Completeness
    pace: Pace = Pace()

    @property
    def path(self) -> tuple[str, ...]:
        """The end of its assets' keys: its name, or its domain and its name."""
        return self.contract.key or (self.contract.name,)

    @property
    def name(self) -> str:
        """The name of its folder in the lake, its table and its sensor."""
        return self.contract.name

    def landing(self, root: str, known_whole: KnownWhole = nothing_known) -> Landing:
        """The feed's landing place below ``root``; ``known_whole`` tells which files need not be waited for."""
        names = FileNames(
            self.name,
            self.pattern,
            partition_key_of(self.partitions),
            self.completeness,
            may_hold(self.partitions),
            parts_of(self.partitions),
            self.keys.of,
            recent_keys(self.partitions),
            self.has_single_files,
        )
        return open_landing(root, names, known_whole)

    @cached_property
    def has_single_files(self) -> bool:
        """Whether a delivery is one file, as far as the pattern and the partitions tell."""
        return names_one_file(self.pattern, self.partitions)

    def why_unmatched(self, path: str) -> str:
        """Why a file of the landing folder belongs to no partition."""
        marker = self.completeness.marker
        pattern = marker if marker is not None and marker.token(path) is not None else self.pattern
        token = pattern.token(path)
        if token is None:
            return f"its name is not like {pattern.pattern!r}"
        match = pattern.read(token)
        if match is None:
            return "there is no such date"
        if partition_key_of(self.partitions)(match) is not None:
            return "the manifest of its partition does not list it"
        return why_no_partition(self.partitions, match)

    def pseudonym_key(self, platform: PlatformResource) -> bytes | None:
        """The key of the keyed hash if a column asks for one; the resource raises if it is not set."""
        return platform.pseudonym_key() if self.contract.hashes_values else None

    @cached_property
    def keys(self) -> PartitionKeys:
        """The feed's partition keys as values."""
        return PartitionKeys(self.partitions)

    @property
    def lake_key(self) -> dg.AssetKey:
        return dg.AssetKey(["lake", *self.path])

    @property
    def raw_key(self) -> dg.AssetKey:
        return dg.AssetKey(["raw", *self.path])

    @property
    def raw_table(self) -> TableName:
        """The table behind :attr:`raw_key`."""
        return TableName("raw", self.name)

    @property
    def landing_key(self) -> dg.AssetKey:
        return dg.AssetKey(["landing", *self.path])
