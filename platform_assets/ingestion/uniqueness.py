"""Unique keys, over all good rows of a delivery: of rows that share a key, the first stays.

First is by the files' names and the order of rows in them. Values are compared after they were read, so 1 and 01
are one integer; a row that breaks another rule takes no part. Null is no value of a unique column.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np

from platform_assets.contracts.model import Contract
from platform_assets.formats.lines import Array
from platform_assets.ingestion.validation import ValidatedPart, key_columns
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import path_literal

SMALL = 200_000
"""Up to this many rows a GROUP BY is quickest; above, sorted 64-bit hashes take a third of its memory and time."""
PASS = 1 << 24
"""Hashes sorted at a time: 128 MB."""
LISTED = 100_000


def keys(contract: Contract) -> list[tuple[str, tuple[str, ...]]]:
    """The reason code and the columns of each unique key."""
    found = [contract.primary_key] if contract.primary_key else []
    found += [(column.name,) for column in contract.columns if column.unique and (column.name,) not in found]
    return [(f"unique:{','.join(names)}", names) for names in found]


def duplicates(
    engine: duckdb.DuckDBPyConnection, contract: Contract, parts: Sequence[ValidatedPart]
) -> list[tuple[str, int, Array]]:
    """(reason code, part, ascending row numbers of its Parquet) of the rows that repeat a key."""
    parts_with_rows = [index for index, part in enumerate(parts) if part.rows]
    if not parts_with_rows:
        return []
    hidden = {column.name for column in key_columns(contract)}
    removed: dict[int, list[Array]] = {}
    found: list[tuple[str, int, Array]] = []
    for code, names in keys(contract):
        columns = [quoted(f"_key_{name}" if name in hidden else name) for name in names]
        for index, rows in _of_key(engine, columns, parts, parts_with_rows, removed):
            found.append((code, index, rows))
            removed.setdefault(index, []).append(rows)
    return found


def _of_key(
    engine: duckdb.DuckDBPyConnection, columns: list[str], parts: Sequence[ValidatedPart], indexes: list[int],
    removed: dict[int, list[Array]],
) -> list[tuple[int, Array]]:  # fmt: skip
    key = ", ".join(columns)
    given = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    files = f"[{', '.join(path_literal(parts[index].path) for index in indexes)}], hive_partitioning = false"
    rows = sum(parts[index].rows for index in indexes)
    only = ""
    parameters: list[object] = []
    if rows <= SMALL:
        again = engine.execute(
            f"SELECT 1 FROM read_parquet({files}) WHERE {given} GROUP BY {key} HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if again is None:
            return []
    else:
        hashes = _repeated_hashes(engine, key, given, files, rows)
        if not len(hashes):
            return []
        if len(hashes) <= LISTED:
            only = f" AND hash({key}) IN (SELECT unnest(CAST($1 AS UBIGINT[])))"
            parameters = [hashes.tolist()]
    relations = " UNION ALL ".join(
        f"SELECT {index} AS _part, file_row_number AS _row, {key} FROM "
        f"read_parquet({path_literal(parts[index].path)}, hive_partitioning = false, file_row_number = true) "
        f"WHERE {given}{only}"
        for index in indexes
    )
    gone = _gone(engine, removed)
    numbers = engine.execute(
        "SELECT _part, _row FROM ("
        f"SELECT _part, _row, row_number() OVER (PARTITION BY {key} ORDER BY _part, _row) AS _copy "
        f"FROM ({relations}){gone}) WHERE _copy > 1 ORDER BY _part, _row",
        parameters,
    ).fetchnumpy()
    of_part = np.asarray(numbers["_part"], np.int64)
    of_row = np.asarray(numbers["_row"], np.int64)
    return [(index, of_row[of_part == index]) for index in indexes if (of_part == index).any()]


def _gone(engine: duckdb.DuckDBPyConnection, removed: dict[int, list[Array]]) -> str:
    """A condition that leaves out rows that repeat a key that was looked at before."""
    pairs = [(index, row) for index, arrays in removed.items() for array in arrays for row in array.tolist()]
    if not pairs:
        return ""
    parts, rows = zip(*pairs, strict=True)
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE gone AS "
        "SELECT unnest(CAST(? AS BIGINT[])) AS part, unnest(CAST(? AS BIGINT[])) AS row",
        [list(parts), list(rows)],
    )
    return " WHERE (_part, _row) NOT IN (SELECT (part, row) FROM gone)"


def _repeated_hashes(engine: duckdb.DuckDBPyConnection, key: str, given: str, files: str, rows: int) -> Array:
    """Hashes that occur more than once: every repeated key's, and a few of different keys that collide."""
    passes = -(-rows // PASS)
    repeated = []
    for turn in range(passes):
        share = f" AND hash({key}) % {passes} = {turn}" if passes > 1 else ""
        found = engine.execute(f"SELECT hash({key}) AS h FROM read_parquet({files}) WHERE {given}{share}").fetchnumpy()
        hashes = np.asarray(found["h"])
        del found
        hashes.sort()
        repeated.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
    return np.concatenate(repeated)
