"""DuckDB as the warehouse: one file, one writer at a time. ``warehouse`` is the way in."""
