"""SQL: rules, types, names and values to the dialect of each engine, on sqlglot.

``identifiers`` and ``literals`` are the only places where something is quoted. ``row_rules`` compiles what is validated
while a file is read, always by DuckDB; ``batch_rules`` what is audited, by the warehouse, in its dialect.
``contract_file`` reads a contract and checks its SQL. Nothing here knows of Dagster, and no data is read.
"""
