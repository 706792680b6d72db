"""The warehouse: ``protocol`` is what every one offers; ``duckdb`` and ``postgres`` are built in."""
