"""What pyarrow and DuckDB write is published as pyarrow reads it, costs its row or is refused; it never changes."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.lake.errors import DeliveryRejected
from platform_assets.sql.literals import literal
from tests.support.lake import Lake, contract_of

NUMBER = {"logicalType": "number"}
ZONED = {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
LOCAL = {"logicalType": "timestamp"}
COLUMNS: dict[str, tuple[pa.DataType, dict[str, Any], st.SearchStrategy[Any]]] = {}


def column(name: str, kind: pa.DataType, contract: dict[str, Any], values: st.SearchStrategy[Any]) -> None:
    COLUMNS[name] = (kind, contract, values)


for bits in (8, 16, 32, 64):
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    column(f"int{bits}", getattr(pa, f"int{bits}")(), {"logicalType": "integer"}, st.integers(low, high))
    column(f"uint{bits}", getattr(pa, f"uint{bits}")(), {"logicalType": "integer"}, st.integers(0, (1 << bits) - 1))
for precision, scale in ((3, 1), (9, 2), (17, 5), (38, 10), (50, 2)):
    top = 10**precision - 1
    column(
        f"decimal{precision}",
        pa.decimal128(precision, scale) if precision < 39 else pa.decimal256(precision, scale),
        {"logicalType": "number", "physicalType": f"DECIMAL({min(precision, 38)},{scale})"},
        st.integers(-top, top).map(lambda n, scale=scale: Decimal((int(n < 0), tuple(map(int, str(abs(n)))), -scale))),
    )
for unit, per in (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)):
    # as many nanoseconds as a number of 64 bits holds
    ticks = st.integers(-(9 * 10**18) // per, 9 * 10**18 // per) | st.integers(-(10**6), 10**6)
    column(f"local_{unit}", pa.timestamp(unit), LOCAL, ticks)
    column(f"zoned_{unit}", pa.timestamp(unit, "Europe/Berlin"), ZONED, ticks)
column("float16", pa.float16(), NUMBER, st.floats(width=16))
column("float32", pa.float32(), NUMBER, st.floats(width=32))
column("float64", pa.float64(), NUMBER, st.floats())
column("date", pa.date32(), {"logicalType": "date"}, st.dates())
column("text", pa.string(), {"logicalType": "string"}, st.text())
column("words", pa.dictionary(pa.int32(), pa.string()), {"logicalType": "string"}, st.sampled_from(["a", "", "ü"]))
column("flag", pa.bool_(), {"logicalType": "boolean"}, st.booleans())
column("nothing", pa.null(), {"logicalType": "integer"}, st.none())
column("bytes", pa.binary(), {"logicalType": "string"}, st.binary())
column("time", pa.time64("us"), {"logicalType": "string"}, st.times())
OPTIONS = st.fixed_dictionaries({
    "compression": st.sampled_from(["none", "snappy", "zstd", "gzip", "lz4", "brotli"]),
    "use_dictionary": st.booleans(),
    "data_page_version": st.sampled_from(["1.0", "2.0"]),
    "version": st.sampled_from(["1.0", "2.4", "2.6"]),
    "write_statistics": st.booleans(),
    "store_decimal_as_integer": st.booleans(),
})  # fmt: skip


def array(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


def read(path: Path) -> list[Any]:
    """The values as an independent reader has them; times as nanoseconds since the epoch."""
    found = pq.read_table(path, partitioning=None)["v"].combine_chunks()
    kind = found.type
    if pa.types.is_timestamp(kind):
        per = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[kind.unit]
        return [None if n is None else n * per for n in found.cast(pa.int64()).to_pylist()]
    return [str(value) if isinstance(value, uuid.UUID) else value for value in found.to_pylist()]


def equal(delivered: Any, published: Any) -> bool:
    # 0.0 and -0.0 are one number to SQL, and to the dictionaries that DuckDB writes; plain bytes are a string's letters
    return bool((delivered.decode() if isinstance(delivered, bytes) else delivered) == published)


def check(lake: Lake, contract: Any, path: Path) -> None:
    """Each delivered value is published as it is, or quarantined; a refusal names the column."""
    delivered, refusal = read(path), None
    try:
        manifest = lake.ingest(contract, path)
    except DeliveryRejected as rejected:
        refusal = rejected
    if refusal is not None:
        assert refusal.code in ("drift:type", "structure:values")
        assert "'v'" in refusal.message
        return
    bad = {row.line - 1 for row in lake.quarantined()}
    good = [value for at, value in enumerate(delivered) if at not in bad]
    published = [value for data in manifest.data_paths(lake.path) for value in read(data)]
    assert len(good) == len(published)
    assert all(map(equal, good, published)), (good, published)
    for at in bad:
        refused = delivered[at]
        assert (
            (isinstance(refused, float) and not abs(refused) < 2**63)
            or (isinstance(refused, int) and (refused > 2**63 - 1 or refused % 1000 or abs(refused) > 9 * 10**18))
        ), refused  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", COLUMNS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_pyarrow_writes(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    kind, details, strategy = COLUMNS[name]
    values = data.draw(st.lists(st.none() | strategy, min_size=1, max_size=12))
    folder = tmp_path_factory.mktemp("arrow")
    (folder / "landing").mkdir()
    lake = Lake(folder / "lake", folder / "landing")
    path = lake.landing / "a.parquet"
    options = data.draw(OPTIONS)
    try:
        pq.write_table(pa.table({"v": array(kind, values)}), path, **options)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # nanoseconds that an old version of the format has to cut, for one
        return
    if values == [None] * len(values) and kind == pa.float16():
        return
    check(lake, contract_of([{"name": "v", **details}], form="parquet"), path)


@pytest.mark.parametrize("name", ["local_us", "local_ns", "zoned_us"])
def test_int96_that_pyarrow_writes(lake: Any, make_contract: Callable[..., Any], name: str) -> None:
    kind = COLUMNS[name][0]
    ticks = [0, 1, -1, 1_357_095_845_123_456, -(10**15)]
    path = lake.landing / "a.parquet"
    pq.write_table(pa.table({"v": array(kind, ticks)}), path, use_deprecated_int96_timestamps=True)
    check(lake, make_contract([{"name": "v", **LOCAL}], form="parquet"), path)
    assert len(lake.quarantined()) == (4 if name == "local_ns" else 0) - (name == "local_ns")


DUCKDB = {
    "TINYINT": ("integer", "-128, 127"), "UTINYINT": ("integer", "0, 255"), "SMALLINT": ("integer", "-32768, 32767"),
    "USMALLINT": ("integer", "0, 65535"), "INTEGER": ("integer", "-2147483648, 2147483647"),
    "UINTEGER": ("integer", "0, 4294967295"), "BIGINT": ("integer", "-9223372036854775808, 9223372036854775807"),
    "UBIGINT": ("integer", "0, 18446744073709551615"), "HUGEINT": ("integer", f"1, {2**127 - 1}"),
    "DECIMAL(4,2)": ("number", "99.99, -99.99"), "DECIMAL(18,9)": ("number", "999999999.999999999, -0.000000001"),
    "DECIMAL(38,2)": ("number", "79532.99, -0.01"), "FLOAT": ("number", "0.1, 3.4028235e38"),
    "DOUBLE": ("number", "0.1, 1.7976931348623157e308"), "BOOLEAN": ("boolean", "true, false"),
    "VARCHAR": ("string", "'', 'ü'"), "UUID": ("string", "'00010203-0405-0607-0809-0a0b0c0d0e0f'"),
    "JSON": ("string", "'{\"a\": 1.10}'"), "DATE": ("date", "'0001-01-01', '9999-12-31'"),
    "TIMESTAMP": ("timestamp", "'0001-01-01 00:00:00', '9999-12-31 23:59:59.999999'"),
    "TIMESTAMP_S": ("timestamp", "'1970-01-01 00:00:01'"), "TIMESTAMP_MS": ("timestamp", "'1969-12-31 23:59:59.999'"),
    "TIMESTAMP_NS": ("timestamp", "'2013-01-01 00:00:00.123456', '2013-01-01 00:00:00.123456789'"),
    "TIMESTAMPTZ": ("zoned", "'2013-01-01 00:00:00+05:30'"), "TIME": ("string", "'12:00:00'"),
    "INTERVAL": ("string", "'1 month'"), "BLOB": ("string", "'\\xFF'"), "ENUM('a', 'b')": ("string", "'a', 'b'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DUCKDB)
def test_what_duckdb_writes(lake: Any, make_contract: Callable[..., Any], kind: str) -> None:
    logical, values = DUCKDB[kind]
    path = lake.landing / "a.parquet"
    with duckdb.connect() as engine:
        rows = ", ".join(f"(CAST({value} AS {kind}))" for value in [*values.split(", "), "NULL"])
        engine.execute(f"COPY (SELECT * FROM (VALUES {rows}) AS t(v)) TO {literal(str(path))} (FORMAT parquet)")
    details = {"zoned": ZONED, "number": {**NUMBER, "physicalType": kind if "DECIMAL" in kind else None}}.get(
        logical, {"logicalType": logical}
    )
    check(lake, make_contract([{"name": "v", **details}], form="parquet"), path)


def test_lying_bounds_spare_no_check(lake: Any, make_contract: Callable[..., Any]) -> None:
    """The bounds of a column that the footer states are not believed in the place of its values."""
    path = lake.landing / "a.parquet"
    pq.write_table(pa.table({"v": pa.array([1, 2, 3], pa.int64())}), path, compression="none", use_dictionary=False)
    content = path.read_bytes()
    stored, changed = (b"".join(n.to_bytes(8, "little") for n in (1, 2, last)) for last in (3, 900))
    assert content.count(stored) == 1
    path.write_bytes(content.replace(stored, changed))
    rule = {"logicalType": "integer", "logicalTypeOptions": {"maximum": 10}}
    manifest = lake.ingest(make_contract([{"name": "v", **rule}], form="parquet"), path)
    assert lake.rows(manifest) == [(1,), (2,)]
    assert [json.loads(row.raw) for row in lake.quarantined()] == [{"v": 900}]


@pytest.mark.parametrize("names", [["v", "V"], ["V", "v"], ["v", "v"], ["v", "V", "V_1"]])
def test_names_that_differ_by_case_only_are_refused(
    lake: Any, make_contract: Callable[..., Any], names: list[str]
) -> None:
    path = lake.landing / "a.parquet"
    pq.write_table(pa.table([pa.array([at]) for at in range(len(names))], names=names), path)
    contract = make_contract([{"name": "v", "logicalType": "integer"}], form="parquet", terms={"extraColumns": True})
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(contract, path)
    assert caught.value.code == "drift:duplicate"


def test_a_column_is_not_taken_for_another_of_a_like_name(lake: Any, make_contract: Callable[..., Any]) -> None:
    path = lake.landing / "a.parquet"
    names = ["a", "A", "A_1"]
    pq.write_table(pa.table([pa.array([at]) for at in range(3)], names=names), path)
    contract = make_contract([{"name": "A_1", "logicalType": "integer"}], form="parquet", terms={"extraColumns": True})
    assert lake.rows(lake.ingest(contract, path)) == [(2,)]


def test_moments_of_the_old_kind_are_reported(lake: Any, make_contract: Callable[..., Any]) -> None:
    from tests.formats.parquet_bytes import INT64, TIMESTAMP_MICROS, Leaf, parquet_bytes

    content = parquet_bytes([Leaf("v", INT64, [0], converted=TIMESTAMP_MICROS)], 1)
    local, zoned = (make_contract([{"name": "v", **column}], form="parquet") for column in (LOCAL, ZONED))
    (warning,) = lake.ingest(local, lake.file("a.parquet", content)).warnings
    assert "moments in UTC" in warning
    manifest = lake.ingest(zoned, lake.file("b.parquet", content))
    assert manifest.warnings == ()
    assert lake.rows(manifest) == [(dt.datetime(1970, 1, 1, tzinfo=dt.UTC),)]
