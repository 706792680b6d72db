"""DuckLake behind the warehouse protocol: a catalog in SQLite or PostgreSQL, and tables in Parquet files."""
