"""The part of the conformance suite that compares a digest of rows with the same digest made in Python."""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from pathlib import Path

from platform_assets.sql.literals import literal
from platform_assets.warehouse.protocol import ColumnDef, StagedFile, Warehouse
from tests.warehouse.conformance_table import parquet

CONTENT_TYPES = {
    "i": "BIGINT", "n": "DECIMAL(12,2)", "x": "DOUBLE", "b": "BOOLEAN", "d": "DATE", "t": "TIMESTAMP",
    "z": "TIMESTAMP WITH TIME ZONE", "s": "VARCHAR", "j": "JSON",
}  # fmt: skip
CONTENT: list[tuple[str | None, ...]] = [
    ("1", "1.50", "0.1", "true", "2024-02-29", "2024-02-29 23:59:59.5", "2024-02-29 23:59:59.000001+02", "a",
     '{"a": 1.10}'),
    ("-9223372036854775807", "-0.01", "1e300", "false", "0001-01-01", "1969-12-31 23:59:59",
     "1970-01-01 00:00:00+00", "é☃\n'", "[]"),
    ("0", "0.00", "-0.0", None, "9999-12-31", "1970-01-01 00:00:00.123456", "2013-07-01 12:00:00-04", "", "null"),
    ("0", "0.00", "0.30000000000000004", None, "9999-12-31", None, None, "1:a", '"x"'),
    (None,) * 9,
    (None,) * 9,
]  # fmt: skip


def content_of(rows: list[tuple[str | None, ...]]) -> str:
    """The digest of rows, made of the values alone."""
    sums = [0, 0]
    for row in rows:
        texts = [
            None if value is None else _text(kind, value)
            for kind, value in zip(CONTENT_TYPES.values(), row, strict=True)
        ]
        digest = hashlib.md5("".join("N" if t is None else f"{len(t)}:{t}" for t in texts).encode()).hexdigest()
        sums = [sums[0] + int(digest[:15], 16), sums[1] + int(digest[15:30], 16)]
    return hashlib.md5(f"{len(rows)}:{sums[0]}:{sums[1]}".encode()).hexdigest()


def _text(kind: str, value: str) -> str:
    if kind == "DOUBLE":
        return str(struct.unpack(">q", struct.pack(">d", float(value) + 0.0))[0])
    if kind.startswith("TIMESTAMP"):
        moment = dt.datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return str((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1))
    return value


class ContentConformance:
    def test_the_content_of_rows_is_the_same_on_every_engine(self, warehouse: Warehouse, tmp_path: Path) -> None:
        columns = [ColumnDef(name, kind) for name, kind in CONTENT_TYPES.items()]
        selected = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in CONTENT_TYPES.items())
        values = ", ".join(f"({', '.join(map(literal, row))})" for row in CONTENT)
        file = parquet(
            tmp_path / "a.parquet", f"SELECT {selected} FROM (VALUES {values}) AS t({', '.join(CONTENT_TYPES)})"
        )
        with warehouse.session() as session:
            staged = session.stage_parquet([StagedFile(file, "p")], columns)
            found = session.execute(f"SELECT {session.content(columns)} FROM {staged} AS t")[0][0]
            none = session.execute(f"SELECT {session.content(columns)} FROM {staged} AS t WHERE false")[0][0]
        assert found == content_of(CONTENT)
        assert none == content_of([])
