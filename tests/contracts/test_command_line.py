"""`platform-assets contract`: what it writes can be used at once, what it compares is told with its readers."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import duckdb
import pytest
import zstandard
from click.testing import CliRunner, Result

from platform_assets.cli.contract import contract
from platform_assets.contracts.model import FileKind, LogicalType
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.partition_key import PartitionKey
from platform_assets.sql.contract_file import read_contract
from tests.contracts.full_contract import FULL, write

CSV = (
    "id;when;Amount Due;ok;note;zip;big;small\n"
    '1;2013-01-01T10:00:00Z;1.50;true;"a;b";01234;123456789012345678901;0.1\n'
    "2;2013-01-02T10:00:00+01:00;NA;false;;99999;1;0.30000000000000004\n"
    "3;2013-01-03 10:00:00Z;-17;TRUE;x;00001;2;1e-7\n"
)
JSONL = "".join(
    json.dumps(
        {"id": n, "price": 1.5 + n, "user": {"email": "a@b.c", "tags": ["x"]}, "day": "2013-01-01", "extra": None}
    )
    + "\n"
    for n in range(5)
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(contract, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("orders.csv", CSV.encode(), FileKind.CSV),
        ("orders.csv.gz", gzip.compress(CSV.encode(), mtime=0), FileKind.CSV),
        ("orders.csv.zst", zstandard.compress(CSV.encode()), FileKind.CSV),
        ("orders.csv", "id,name\n1,caf\u00e9\n".encode("latin-1"), FileKind.CSV),
        ("orders.csv", "id,name\n1,caf\u00e9\n".encode("utf-16"), FileKind.CSV),
        ("orders.csv", b"\xef\xbb\xbfid,name\r\n1,x\r\n", FileKind.CSV),
        ("orders.tsv", b"id\tname\n1\tx\n2\ty\n", FileKind.CSV),
        ("orders.jsonl", JSONL.encode(), FileKind.JSONL),
        ("orders.jsonl.gz", gzip.compress(JSONL.encode(), mtime=0), FileKind.JSONL),
    ],
)
def test_an_inferred_contract_is_good_and_its_sample_ingests(
    tmp_path: Path, name: str, content: bytes, kind: FileKind
) -> None:
    sample, target = tmp_path / name, tmp_path / "contracts" / "orders.yaml"
    sample.write_bytes(content)
    done = run("infer", sample, "-o", target)
    assert done.exit_code == 0, done.output
    assert run("check", target).exit_code == 0
    made = read_contract(target)
    assert (made.name, made.format.kind) == ("orders", kind)
    delivery = Delivery("orders", PartitionKey("p"), (FileVersion.of(sample),))
    manifest = ingest(contract=made, delivery=delivery, lake=tmp_path / "lake", pseudonym_key=None)
    assert manifest.rows_quarantined == 0
    assert manifest.rows_out > 0


def test_inferred_types(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    run("infer", tmp_path / "a.csv", "--name", "feed", "-o", tmp_path / "a.yaml")
    made = read_contract(tmp_path / "a.yaml")
    kinds = {column.name: column.type for column in made.columns}
    assert kinds == {
        "id": LogicalType.INTEGER,
        "when": LogicalType.TIMESTAMP_TZ,
        "Amount Due": LogicalType.NUMBER,
        "ok": LogicalType.BOOLEAN,
        "note": LogicalType.STRING,
        "zip": LogicalType.STRING,
        "big": LogicalType.STRING,
        "small": LogicalType.NUMBER,
    }
    assert (made.name, made.primary_key, made.column("Amount Due").scale) == ("feed", ("id",), 2)
    assert "NA" in made.format.null_strings


def test_parquet_is_inferred_from_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql(
        "SELECT 1::INT AS i, 1.5::DECIMAL(7,3) AS d, {'a': 1} AS s, [1] AS l, now() AS t, 'x' AS v"
    ).write_parquet(str(path))
    run("infer", path, "-o", tmp_path / "a.yaml")
    made = read_contract(tmp_path / "a.yaml")
    manifest = ingest(
        contract=made,
        delivery=Delivery("a", PartitionKey("p"), (FileVersion.of(path),)),
        lake=tmp_path / "lake",
        pseudonym_key=None,
    )
    assert (manifest.rows_out, manifest.columns[1]) == (1, ("d", "DECIMAL(7,3)"))


@pytest.mark.parametrize(
    "content", [b"", b"   \n", b"[1, 2]", b"a,a\n1,2\n", b"PAR1junk", b"\x1f\x8b\x08junk", b'{"a": 1']
)
def test_a_sample_that_cannot_be_read_is_told_without_a_trace(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    done = run("infer", tmp_path / "a")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert isinstance(done.exception, SystemExit)


PUBLISHED = "type: platform_assets.PublishedTable\nattributes:\n  source: marts/revenue\n"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project with one contract, two dbt models and a published table, committed once."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "a.csv").write_text("id,price,name\n1,2.50,x\n2,3.50,y\n")
    run("infer", tmp_path / "a.csv", "--name", "orders", "-o", tmp_path / "contracts" / "orders.yaml")
    models = tmp_path / "dbt" / "models"
    models.mkdir(parents=True)
    (tmp_path / "dbt" / "dbt_project.yml").write_text("name: shop\n")
    (models / "stg_orders.sql").write_text("select id, price from {{ source('raw', 'orders') }}")
    (models / "stg_names.sql").write_text("select id, name from {{ source('raw', 'orders') }}")
    (models / "revenue.sql").write_text("select sum(price) as price from {{ ref('stg_orders') }}")
    (tmp_path / "defs" / "revenue").mkdir(parents=True)
    (tmp_path / "defs" / "revenue" / "defs.yaml").write_text(PUBLISHED)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


NUMBER = 'logicalType: number\n        physicalType: "DECIMAL(14,2)"'
PRICE = f"      - name: price\n        {NUMBER}\n"
BREAKING = {
    "removed": (PRICE, "", "column 'price' removed"),
    "narrowed": ("DECIMAL(14,2)", "DECIMAL(8,2)", "column 'price': type narrowed from decimal(14,2) to decimal(8,2)"),
    "changed": (NUMBER, "logicalType: string", "column 'price': type changed from number to string"),
    "tightened": (NUMBER, f"{NUMBER}\n        logicalTypeOptions: {{minimum: 0}}", "column 'price': minimum tightened"),
    "required": (NUMBER, f"{NUMBER}\n        required: true", "column 'price': is now required"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_named_with_its_readers(repository: Path, name: str) -> None:
    old, new, words = BREAKING[name]
    path = repository / "contracts" / "orders.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    done = run("check", repository / "contracts", "--against", "HEAD")
    assert done.exit_code == 1
    assert f"BREAKS: {words}" in done.output
    assert "read by models: revenue, stg_orders; published tables: revenue" in done.output
    assert "stg_names" not in done.output


def test_harmless_changes_and_new_contracts_pass(repository: Path) -> None:
    path = repository / "contracts" / "orders.yaml"
    path.write_text(path.read_text().replace("DECIMAL(14,2)", "DECIMAL(18,3)").replace("value: 0.05", "value: 0.1"))
    (repository / "contracts" / "new.yaml").write_text(path.read_text().replace("orders", "others"))
    done = run("check", repository / "contracts", "--against", "HEAD")
    assert done.exit_code == 0, done.output
    assert "type widened" in done.output
    assert "new since HEAD" in done.output


def test_a_removed_contract_breaks_every_reader(repository: Path) -> None:
    (repository / "contracts" / "orders.yaml").unlink()
    done = run("check", repository / "contracts", "--against", "HEAD")
    assert done.exit_code == 1
    assert "the contract is removed" in done.output
    assert "revenue, stg_names, stg_orders" in done.output


def test_mistakes_of_the_user_are_told_without_a_trace(repository: Path, tmp_path: Path) -> None:
    for arguments in (
        ["check", repository / "none"],
        ["check", repository / "dbt"],
        ["check", repository / "contracts", "--against", "no-such-rev"],
        ["infer", repository / "none.csv"],
        ["infer", repository / "a.csv", "-o", repository / "a.csv"],
    ):
        done = run(*arguments)
        assert done.exit_code == 1
        assert done.output.startswith("Error: ")


def test_check_says_when_rows_reject_a_delivery(tmp_path: Path) -> None:
    file = write(tmp_path, FULL)
    result = CliRunner().invoke(contract, ["check", str(file)])
    assert "orders: a delivery is rejected when more than 2% of its rows are quarantined" in result.output
    file = write(tmp_path, FULL.replace("value: 2%}", "value: 0}\n  - {property: quarantineMinimum, value: 1}"))
    result = CliRunner().invoke(contract, ["check", str(file)])
    assert "when any of its rows and more than 1 row are quarantined" in result.output
