"""What a platform under test has recorded: in its instance, and in its warehouse."""

import dagster as dg

from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse


class Recorded:
    """Something with an instance and a warehouse that can be asked what they hold."""

    instance: dg.DagsterInstance

    @property
    def warehouse(self) -> DuckDBWarehouse:
        raise NotImplementedError

    def materialized(self, key: str) -> set[str]:
        """Partitions of an asset that stand as materialized in the instance."""
        return set(self.instance.get_materialized_partitions(dg.AssetKey(key.split("/"))))

    def rows(self, sql: str) -> list[tuple]:
        """Rows of a query on the warehouse."""
        with self.warehouse.session(read_only=True) as session:
            return session.execute(sql)
