"""Rows of orders in each format of files, clean and with every hundredth bad; and DuckDB's own reading of them."""

from __future__ import annotations

from pathlib import Path

TYPES = {
    "id": "BIGINT", "email": "VARCHAR", "qty": "BIGINT", "amount": "DECIMAL(12,2)", "score": "DOUBLE",
    "status": "VARCHAR", "active": "BOOLEAN", "day": "DATE", "at": "TIMESTAMP", "name": "VARCHAR",
}  # fmt: skip
VALUES = """i AS id, 'u' || (hash(i) % 5000000) || '@example.org' AS email, (hash(i + 1) % 100000)::BIGINT AS qty,
    ((hash(i + 2) % 10000000) / 100)::DECIMAL(12,2) AS amount, ((hash(i + 3) % 1000000) / 1000.0)::DOUBLE AS score,
    ['new', 'paid', 'sent', 'back'][(hash(i + 4) % 4)::INT + 1] AS status, (hash(i + 5) % 2 = 0) AS active,
    DATE '2020-01-01' + (hash(i + 6) % 1500)::INT AS day,
    TIMESTAMP '2020-01-01' + to_seconds((hash(i + 7) % 100000000)::BIGINT) AS at,
    'product ' || (hash(i + 8) % 30000) AS name"""
SPOILT = {
    "text": """CASE WHEN id % 400 = 100 THEN id || '.5' ELSE id::VARCHAR END AS id,
        CASE WHEN id % 400 = 200 THEN 'lost' ELSE status END AS status,
        CASE WHEN id % 400 = 300 THEN amount || '5' ELSE amount::VARCHAR END AS amount,
        CASE WHEN id % 400 = 0 THEN '2021-02-30' ELSE day::VARCHAR END AS day""",
    # of a typed file whose types fit, only values can be bad
    "typed": """CASE WHEN id % 400 = 100 THEN -qty - 1 ELSE qty END AS qty,
        CASE WHEN id % 400 = 200 THEN 'lost' ELSE status END AS status,
        CASE WHEN id % 400 = 300 THEN 'infinity'::DOUBLE ELSE score END AS score,
        CASE WHEN id % 400 = 0 THEN NULL ELSE name END AS name""",
}
FEW = 100
"""Rows of a small file."""
OPTIONS = {"csv": "(FORMAT csv, HEADER)", "json": "(FORMAT json)", "parquet": "(FORMAT parquet, COMPRESSION zstd)"}


def source(rows: int, *, form: str, dirty: bool = False, first: int = 1) -> str:
    """SQL for the rows from ``first`` on."""
    found = f"(SELECT {VALUES} FROM range({first}, {first + rows}) AS t(i))"
    return f"(SELECT * REPLACE ({SPOILT['typed' if form == 'parquet' else 'text']}) FROM {found})" if dirty else found


def write_rows(form: str, rows: int, clean: Path, dirty: Path) -> None:
    """The same rows twice; in ``dirty`` every hundredth is bad."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as engine:
        for path, bad in ((clean, False), (dirty, True)):
            engine.execute(f"COPY {source(rows, form=form, dirty=bad)} TO '{path}' {OPTIONS[form]}")


def write_files(form: str, files: int, folder: Path) -> None:
    """Small files of :data:`FEW` rows each, all good."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as engine:
        for at in range(files):
            rows = source(FEW, form=form, first=1 + at * FEW)
            engine.execute(f"COPY {rows} TO '{folder}/{at:06d}.{form}' {OPTIONS[form]}")


def reading(form: str, files: str) -> str:
    """DuckDB's own reading of the files, the types given."""
    columns = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in TYPES.items()) + "}"
    return {
        "csv": f"read_csv('{files}', columns = {columns}, header = true, auto_detect = false, delim = ',', "
        "quote = '\"', escape = '\"')",
        "json": f"read_json('{files}', columns = {columns}, format = 'newline_delimited')",
        "parquet": f"read_parquet('{files}')",
    }[form]


def floor(reading: str, target: Path, *, values: str = "*") -> None:
    """DuckDB alone: from what it reads to Parquet."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as engine:
        engine.execute(f"COPY (SELECT {values} FROM {reading}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
