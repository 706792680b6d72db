"""The columns of a Parquet sample: its own schema says what they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platform_assets.formats.inference.opened import SampleError
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import path_literal

NOT_FINITE = 0.04
LOOKED_AT = 1_000_000
"""Rows of a file in which numbers that are not finite, and values that are there twice, are looked for."""
FEW = 1000
_HINTS = {
    "TIME": "have it delivered as text such as 23:59:00 (CAST ... AS VARCHAR), which `logicalType: time` takes",
    "BLOB": "have it delivered as text, in hexadecimal or base64",
}
"""What to do about a column that no contract takes, by its type in DuckDB."""


def is_parquet(path: Path) -> bool:
    """Whether the file begins as Parquet does; SampleError if there is no file."""
    if not path.is_file():
        raise SampleError(f"{path}: there is no such file" if not path.is_dir() else f"{path}: is a folder, not a file")
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def parquet_types(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """The type of each column of a Parquet file in the words of a contract, and the number of its rows.

    Raises SampleError for a file that is not intact, and for a column that no type of a contract takes.
    """
    import duckdb

    try:
        with duckdb.connect() as engine:
            relation = f"read_parquet({path_literal(path)}, hive_partitioning = false)"
            described = {
                str(row[0]): str(row[1]) for row in engine.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
            }
            unreal = _not_finite(engine, relation, described)
            (counted,) = engine.execute(f"SELECT count(*) FROM {relation}").fetchall()
    except duckdb.Error as error:
        raise SampleError(f"{path}: is not an intact Parquet file: {str(error).splitlines()[0]}") from None
    if unreal:
        raise SampleError(
            f"{path}: {unreal[0]!r} is NaN or infinite in {NOT_FINITE:.0%} of the rows or more, which no type of a "
            "contract takes; write null for a value that is not there"
        )
    return {name: _of_engine_type(name, kind, path) for name, kind in described.items()}, int(counted[0])


def parquet_texts(path: Path, column: str) -> list[str]:
    """Some of the texts in a column; none for a column that the file does not have."""
    found = _answer(path, f"SELECT {quoted(column)} FROM {{}} WHERE {quoted(column)} IS NOT NULL LIMIT {FEW}")
    return [str(row[0]) for row in found]


def is_unique(path: Path, column: str) -> bool:
    """Whether each of the first rows has a value in the column, and none twice."""
    counts = f"count(*), count({quoted(column)}), count(DISTINCT {quoted(column)})"
    found = _answer(path, f"SELECT {counts} FROM (FROM {{}} LIMIT {LOOKED_AT})")
    return bool(found) and len(set(found[0])) == 1 and found[0][0] > 1


def _answer(path: Path, query: str) -> list[Any]:
    """The rows of a query in which {} stands for the file; none where it lacks the column."""
    import duckdb

    with duckdb.connect() as engine:
        try:
            return engine.execute(
                query.format(f"read_parquet({path_literal(path)}, hive_partitioning = false)")
            ).fetchall()
        except duckdb.BinderException:
            return []


def _not_finite(engine: Any, relation: str, described: Mapping[str, str]) -> list[str]:
    doubles = [name for name, kind in described.items() if kind in ("DOUBLE", "FLOAT")]
    if not doubles:
        return []
    # the first rows of a large file tell, as in the other formats
    shares = ", ".join(f"avg(CASE WHEN NOT isfinite({quoted(name)}) THEN 1 ELSE 0 END)" for name in doubles)
    (row,) = engine.execute(f"SELECT {shares} FROM (FROM {relation} LIMIT {LOOKED_AT})").fetchall()
    return [name for name, share in zip(doubles, row, strict=True) if share is not None and share >= NOT_FINITE]


def _of_engine_type(name: str, kind: str, path: Path) -> dict[str, Any]:
    if kind.endswith("]") or kind.startswith("MAP"):
        return {"logicalType": "array" if kind.endswith("]") else "object"}
    if kind.startswith("STRUCT") or kind == "JSON":
        return {"logicalType": "object"}
    if kind.startswith("DECIMAL"):
        return {"logicalType": "number", "physicalType": kind}
    if kind in ("HUGEINT", "UBIGINT", "UHUGEINT"):
        return {"logicalType": "number", "physicalType": "DECIMAL(38,0)"}
    if kind == "TIMESTAMP WITH TIME ZONE":
        return {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
    families = {
        "integer": r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)",
        "number": r"DOUBLE|FLOAT",
        "boolean": r"BOOLEAN",
        "date": r"DATE",
        "timestamp": r"TIMESTAMP(_S|_MS|_NS)?",
        "string": r"VARCHAR|UUID|ENUM.*",
    }
    found = next((logical for logical, words in families.items() if re.fullmatch(words, kind)), None)
    if found is None:
        hint = _HINTS.get(kind.split(" ")[0], "have it delivered as another type, such as text")
        raise SampleError(f"{path}: the column {name!r} is {kind[:80]}, which no type of a contract takes: {hint}")
    return {"logicalType": found}
