"""The part of a reload that removes clear values, and searches for them: in the order in which a kill loses none.

The values are known from the lake's Parquet alone, so that earlier ingestions there are removed last.
"""

from __future__ import annotations

import dagster as dg

from platform_assets.cli.ingest_runs import Say
from platform_assets.cli.reload_instance import search_instance
from platform_assets.feeds.feed import Feed
from platform_assets.lake.purging import purge_unprotected
from platform_assets.lake.store import Lake
from platform_assets.reloading.needles import Needles
from platform_assets.reloading.proof import Searched, search_lake, search_warehouse, search_work
from platform_assets.reloading.values import SHORTEST, ClearValues
from platform_assets.stores.scratch import scratch_places
from platform_assets.warehouse.duckdb.rewriting import rewrite_file
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.protocol import Warehouse
from platform_assets.wording import counted


class ClearOut:
    """Removes the clear ``values`` of a feed, and searches for them."""

    def __init__(
        self, feed: Feed, lake: Lake, warehouse: Warehouse, instance: dg.DagsterInstance, values: ClearValues, say: Say
    ) -> None:
        self.feed, self.lake, self.warehouse, self.instance = feed, lake, warehouse, instance
        self.values, self.say = values, say
        self.needles = Needles(values.anywhere)

    def described(self, searched: bool) -> str:
        """How many values are searched for, and of what; ``searched`` if a reload that was killed had found none."""
        values = self.values
        columns = ", ".join(
            f"{place} ({'some of its' if place in values.more else 'all'} {len(found)} values)"
            for place, found in sorted(values.by_place.items())
        )
        if not values.count:
            before = "they were searched for before that and not found" if searched else "so none could be searched for"
            return f"no value: the lake holds none in clear any more, {before}"
        return (
            f"{counted(values.count, 'clear value')} of {columns}; {len(values.anywhere)} of them, texts of {SHORTEST} "
            "bytes and more, everywhere, the others in columns of the same name"
        )

    def purge(self) -> None:
        """Purge the quarantine, but for rows of partitions that were written anew from the lake: they are protected."""
        for name in self.lake.partition_names(self.feed.name):
            partition = self.lake.partition_of(self.feed.name, name)
            done = purge_unprotected(self.lake, self.feed.name, partition)
            if done is not None:
                self.say(f"{partition}: {done.left or counted(done.rows, 'quarantined row') + ' purged'}")

    def rewrite_warehouse(self) -> list[str]:
        """Write the warehouse file anew, so that nothing of deleted rows is left in it; what came of it."""
        if not isinstance(self.warehouse, DuckDBWarehouse):
            return ["the warehouse is no DuckDB file: what it keeps of deleted rows is for it to remove"]
        self.say("writing the warehouse file anew ...")
        done = rewrite_file(self.warehouse, purpose=f"reload of {self.feed.name}: writing the file anew")
        if done is None:
            return []
        return [f"the warehouse file was written anew: {done.before >> 10} kB before, {done.after >> 10} kB now"]

    def remove_generations(self) -> str:
        """Remove from the lake what no record names."""
        removed = 0
        for name in self.lake.partition_names(self.feed.name):
            removed += len(self.lake.remove_generations(self.feed.name, self.lake.partition_of(self.feed.name, name)))
        return f"earlier ingestions in the lake: {counted(removed, 'file')} removed"

    def search_lake(self) -> list[Searched]:
        """The lake and its quarantine."""
        return list(search_lake(self.lake, self.feed.name, self.values, self.needles))

    def search_others(self) -> list[Searched]:
        """The warehouse, the Dagster instance, and temporary folders."""
        return [
            *search_warehouse(self.warehouse, self.values, self.needles),
            *search_instance(self.instance, self.needles),
            search_work(self.lake, self.feed.name, self.needles, scratch_places()),
        ]
