"""A feed as its assets and its sensor see it: contract, partitions and where its files are found.

What a defs.yaml may say is in ``file_feed``; here is what became of it.
"""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from platform_assets.contracts.model import Contract
from platform_assets.feeds.partitions import partition_key_of
from platform_assets.lake.arrival_patterns import ArrivalPattern
from platform_assets.lake.arrivals import Completeness, LandingFolder
from resources.platform import PlatformResource


@dataclass(frozen=True)
class Feed:
    """What the assets of a feed share: its contract, how it is partitioned, and where its files are found."""

    contract: Contract
    partitions: dg.PartitionsDefinition | None
    pattern: ArrivalPattern
    completeness: Completeness

    @property
    def name(self) -> str:
        return self.contract.name

    def landing(self, root: str) -> LandingFolder:
        """The feed's landing folder below ``root``."""
        return LandingFolder(self.name, Path(root), self.pattern, partition_key_of(self.partitions), self.completeness)

    def pseudonym_key(self, platform: PlatformResource) -> bytes | None:
        """The key of the keyed hash if a column asks for one; the resource raises if it is not set."""
        return platform.pseudonym_key() if self.contract.hashes_values else None

    @property
    def lake_key(self) -> dg.AssetKey:
        return dg.AssetKey(["lake", self.name])

    @property
    def raw_key(self) -> dg.AssetKey:
        return dg.AssetKey(["raw", self.name])

    @property
    def landing_key(self) -> dg.AssetKey:
        return dg.AssetKey(["landing", self.name])
