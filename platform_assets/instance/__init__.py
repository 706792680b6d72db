"""The Dagster instance on a laptop: storage that is quicker than the stock one, on the same files."""
