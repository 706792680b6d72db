"""Drift, unique keys, deliveries in several files, states without data, limits, and the record of it all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.cli.quarantine import quarantine
from platform_assets.ingestion.ingestor import Ingestor, ingest
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.manifest import read_manifest, read_rejection
from platform_assets.lake.names import MOST, escape, is_cut, unescape
from platform_assets.lake.quarantined import list_quarantine
from platform_assets.partition_key import PartitionKey

COLUMNS = [
    {"name": "id", "logicalType": "integer", "required": True},
    {"name": "name", "logicalType": "string"},
    {"name": "city", "logicalType": "string"},
]


def test_reordered_columns_are_matched_by_name(lake: Any, make_contract: Callable[..., Any]) -> None:
    manifest = lake.ingest(make_contract(COLUMNS), lake.file("a.csv", "city,id,name\nParis,1,Ada\n"))
    assert lake.rows(manifest) == [(1, "Ada", "Paris")]
    assert "another order" in manifest.warnings[0]


def test_tolerated_drift_passes_with_a_warning(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS, terms={"extraColumns": "tolerated", "missingColumns": "tolerated"})
    manifest = lake.ingest(contract, lake.file("a.csv", "id,name,zip\n1,Ada,75001\n"))
    assert lake.rows(manifest) == [(1, "Ada", None)]
    assert any("'city' is missing" in warning for warning in manifest.warnings)
    assert any("'zip' is not in the contract" in warning for warning in manifest.warnings)


@pytest.mark.parametrize(
    ("header", "code", "words"),
    [
        ("id,name", "drift:missing", "'city' is missing"),
        ("id,name,city,zip", "drift:added", "'zip' is not in the contract"),
        ("id,name,city,ann@example.org", "drift:added", "15 characters that look like a value"),
        ("id,name,city,+49 30 123456", "drift:added", "13 characters that look like a value"),
        ("id,name,town", "drift:renamed", "'city' to 'town'"),
        ("id,full_name,city", "drift:renamed", "'name' to 'full_name'"),
        ("name,city", "drift:missing", "'id' is missing"),
    ],
)
def test_other_drift_says_what_changed(
    lake: Any, make_contract: Callable[..., Any], header: str, code: str, words: str
) -> None:
    row = ",".join("1" for _ in header.split(","))
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(make_contract(COLUMNS), lake.file("a.csv", f"{header}\n{row}\n"))
    assert caught.value.code == code
    assert words in caught.value.message


def test_a_required_column_may_not_be_missing_though_others_may(lake: Any, make_contract: Callable[..., Any]) -> None:
    with pytest.raises(DeliveryRejected, match="'id' is missing"):
        lake.ingest(
            make_contract(COLUMNS, terms={"missingColumns": "tolerated"}), lake.file("a.csv", "name,city\na,b\n")
        )


def test_a_new_key_in_most_json_lines_is_drift_and_in_one_is_a_bad_row(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract(COLUMNS, form="json", terms={"quarantineLimit": 0.2})
    lines = [f'{{"id":{n},"name":"a","city":"b"}}' for n in range(10)]
    manifest = lake.ingest(contract, lake.file("a.jsonl", "\n".join([*lines, '{"id":10,"zip":1}'])))
    assert manifest.reasons == {"structure:extra_field": 1}
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(contract, lake.file("a.jsonl", "\n".join(line.replace("name", "names") for line in lines)))
    assert caught.value.code == "drift:renamed"


def test_parquet_of_another_type_is_drift(lake: Any, make_contract: Callable[..., Any]) -> None:
    path = lake.landing / "a.parquet"
    duckdb.sql("SELECT true AS id, 'x' AS name, 'y' AS city").write_parquet(str(path))
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(make_contract(COLUMNS, form="parquet"), path)
    assert caught.value.code == "drift:type"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(make_contract(COLUMNS, form="parquet"), path)
    assert caught.value.code == "structure:parquet"


def test_typed_parquet_is_taken_exactly_or_not_at_all(lake: Any, make_contract: Callable[..., Any]) -> None:
    columns = [
        {"name": "i", "logicalType": "integer"},
        {"name": "d", "logicalType": "number", "physicalType": "DECIMAL(9,2)"},
        {"name": "j", "logicalType": "array"},
    ]
    path = lake.landing / "a.parquet"
    duckdb.sql("""SELECT * FROM (VALUES (1.0::DOUBLE, 1.01::DOUBLE, [1, 2]), (1006.5, 1.0, []), (2, 1.005, NULL),
        (9e18, 0.1, NULL), (1e19, 0.1, NULL), (NULL, 'inf', NULL), (NULL, NULL, NULL)) AS t(i, d, j)""").write_parquet(
        str(path)
    )
    manifest = lake.ingest(make_contract(columns, form="parquet"), path)
    assert lake.rows(manifest) == [
        (1, Decimal("1.01"), "[1,2]"),
        (9 * 10**18, Decimal("0.10"), None),
        (None, None, None),
    ]
    assert {row.line: row.reasons for row in lake.quarantined()} == {
        2: ("type:i",),
        3: ("type:d",),
        5: ("type:i",),
        6: ("type:d",),
    }


def test_no_header_is_read_by_position_when_the_contract_says_so(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS, server={"header": False, "nullStrings": ["", "NA"]})
    manifest = lake.ingest(contract, lake.file("a.csv", "1,Ada,NA\n2,,Oslo\n3,x\n"))
    assert lake.rows(manifest) == [(1, "Ada", None), (2, None, "Oslo")]
    assert [row.line for row in lake.quarantined()] == [3]
    with pytest.raises(DeliveryRejected, match="begins with a header"):
        lake.ingest(contract, lake.file("a.csv", "id,name,city\n1,Ada,Paris\n"))


def test_backslash_escapes_and_other_quotes(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS, server={"quote": "'", "escape": "\\", "delimiter": "|"})
    manifest = lake.ingest(contract, lake.file("a.csv", "id|name|city\n1|'O\\'Hara|x'|'a\nb'\n"))
    assert lake.rows(manifest) == [(1, "O'Hara|x", "a\nb")]


def test_the_first_of_a_key_stays_over_files_and_bad_rows_take_no_part(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract(
        [
            {"name": "k", "logicalType": "integer", "primaryKey": True},
            {"name": "v", "logicalType": "integer", "unique": True},
        ]
    )
    one = lake.file("1.csv", "k,v\n1,10\n2,x\n3,30\n1,11\n")
    two = lake.file("2.csv", "v,k\n20,2\n31,3\n,4\n,5\n30,6\n11,7\n")
    manifest = lake.ingest(contract, two, one)
    assert lake.rows(manifest) == [(1, 10), (3, 30), (2, 20), (4, None), (5, None), (7, 11)]
    assert [(row.file, row.line, row.reasons) for row in lake.quarantined()] == [
        ("1.csv", 3, ("type:v",)),
        ("1.csv", 5, ("unique:k",)),
        ("2.csv", 3, ("unique:k",)),
        ("2.csv", 6, ("unique:v",)),
    ]
    assert len(manifest.warnings) == 1


@pytest.mark.slow
def test_keys_of_many_rows_are_unique_by_their_hashes_too(lake: Any, make_contract: Callable[..., Any]) -> None:
    rows = 250_000
    text = "a,b\n" + "".join(f"{n % 1000},{n}\n" for n in range(rows)) + "7,7\n7,1007\n8,7\n"
    contract = make_contract(
        [
            {"name": "a", "logicalType": "integer", "primaryKey": True, "primaryKeyPosition": 1},
            {"name": "b", "logicalType": "string", "primaryKey": True, "primaryKeyPosition": 2},
        ]
    )
    manifest = lake.ingest(contract, lake.file("a.csv", text))
    assert [row.line for row in lake.quarantined()] == [rows + 2, rows + 3]
    assert manifest.rows_out == rows + 1


def test_states_without_data(lake: Any, make_contract: Callable[..., Any]) -> None:
    rules = [{"reason": "closed on Sundays", "weekday": "sunday"}, {"reason": "the feed ended", "after": "2013-12-31"}]
    contract = make_contract(COLUMNS, terms={"emptyDelivery": "allowed", "notDue": rules})
    empty = lake.ingest(contract, lake.file("a.csv", "id,name,city\n"))
    assert (empty.state, empty.rows_in, empty.data_files) == ("empty", 0, ())
    sunday = lake.ingest(contract, partition="2013-01-06")
    assert (sunday.state, sunday.reason) == ("not_due", "closed on Sundays")
    assert lake.ingest(contract, partition="2014-01-01").reason == "the feed ended"
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(contract, partition="2013-01-07")
    assert caught.value.code == "missing"
    assert read_manifest(lake.path, "feed", "2013-01-07") is None
    assert lake.ingested() == ["2013-01-01", "2013-01-06", "2014-01-01"]


def test_over_the_limit_nothing_is_committed_and_the_rows_stay_to_be_read(
    lake: Any, make_contract: Callable[..., Any]
) -> None:
    contract = make_contract(COLUMNS, terms={"quarantineLimit": 0.25})
    good = lake.ingest(contract, lake.file("a.csv", "id,name,city\n1,a,b\n2,a,b\n3,a,b\nx,a,b\n"))
    assert good.rows_quarantined == 1
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(contract, lake.file("a.csv", "id,name,city\n1,a,b\n2,a,b\nx,a,b\ny,a,b\n"))
    assert caught.value.code == "quarantine_limit"
    assert "2 of 4 rows (50.00%)" in caught.value.message
    assert read_manifest(lake.path, "feed", "2013-01-01") == good
    rejection = read_rejection(lake.path, "feed", "2013-01-01")
    assert rejection is not None
    assert (rejection.rows_in, rejection.rows_quarantined, rejection.reasons) == (4, 2, {"type:id": 2})
    (rejected, accepted) = list_quarantine(lake.store)
    assert (rejected.rows, accepted.rows) == (2, 1)
    shown = CliRunner().invoke(quarantine, ["show", "feed", "2013-01-01", "--lake", str(lake.path)])
    assert shown.exit_code == 0
    assert "y,a,b" in shown.output
    assert "quarantine_limit" in shown.output
    listed = CliRunner().invoke(quarantine, ["list"], env={"PLATFORM_LAKE": str(lake.path)})
    assert "type:id 2" in listed.output
    fixed = lake.ingest(contract, lake.file("a.csv", "id,name,city\n1,a,b\n"))
    assert (fixed.rows_quarantined, list_quarantine(lake.store)) == (0, [])


def test_the_command_line_tells_mistakes_without_a_trace(tmp_path: Path) -> None:
    for arguments in (["list", "--lake", str(tmp_path / "no")], ["show", "feed", "p", "--lake", str(tmp_path)]):
        done = CliRunner().invoke(quarantine, arguments)
        assert done.exit_code == 1
        assert done.output.startswith("Error: ")


def test_one_ingestor_for_each_thread(lake: Any, make_contract: Callable[..., Any]) -> None:
    contract = make_contract(COLUMNS)
    files = [lake.file(f"{n}.csv", f"id,name,city\n{n},a,b\nx,a,b\n") for n in range(20)]
    failures: list[BaseException] = []

    def work(mine: list[int]) -> None:
        try:
            with Ingestor(lake=lake.path, pseudonym_key=None) as ingestor:
                for n in mine:
                    ingestor.ingest(
                        contract=contract, delivery=Delivery("feed", PartitionKey(f"p{n}"), (FileVersion.of(files[n]),))
                    )
        except BaseException as error:  # told to the test below, whatever it is
            failures.append(error)

    threads = [threading.Thread(target=work, args=(list(range(start, 20, 2)),)) for start in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for n in range(20):
        manifest = read_manifest(lake.path, "feed", f"p{n}")
        assert manifest is not None
        assert lake.rows(manifest) == [(n, "a", "b")]


def test_the_hash_is_that_of_the_input(tmp_path: Path, make_contract: Callable[..., Any]) -> None:
    hashes = []
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.csv").write_text("id,name,city\n1,a,b\n")
        delivery = Delivery("feed", PartitionKey("p"), (FileVersion.of(folder / "a.csv"),))
        hashes.append(
            ingest(
                contract=make_contract(COLUMNS), delivery=delivery, lake=folder / "lake", pseudonym_key=None
            ).content_hash
        )
    assert hashes[0] == hashes[1]


@given(st.text(max_size=30))
def test_names_of_folders_can_be_taken_back(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    folder = escape(name)
    # a cut one has a file with the name in it: tests/landing/test_odd_landing.py
    assert unescape(folder) == (folder if is_cut(folder) else name)
    assert len(folder) <= MOST
    assert "/" not in folder
    assert folder not in ("", ".", "..")
    assert not folder.startswith("_")
