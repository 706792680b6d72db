"""The warehouse: ``protocol`` is what every one offers; ``duckdb`` is the one that is built in."""
