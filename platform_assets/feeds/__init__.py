"""A feed as Dagster sees it: its contract, its partitions and where its files are found. No assets are made here."""
