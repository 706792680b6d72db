"""A domain that the builders have not seen, from YAML and contracts alone, in a project of somebody else's.

Every number is compared with an independent count in plain Python.
"""

import json
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from platform_assets.lake.manifest import read_manifest
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.projects import Project, opened, write_project
from tests.support.second_domain import FEEDS, MEASURES, SECRET, SHOPS, defs_files, deliver

pytestmark = pytest.mark.slow


def test_rows_sums_and_quarantine_are_those_of_an_independent_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, defs_files())
    monkeypatch.setenv("PLATFORM_PSEUDONYM_KEY", "not a secret, but long enough")
    expected = deliver(tmp_path / "data" / "landing")
    with opened(tmp_path) as project:
        project.instance.add_dynamic_partitions("shops", list(SHOPS))
        graph = project.job.asset_layer.asset_graph
        for name in FEEDS:
            partitions = graph.get(dg.AssetKey(["raw", name])).partitions_def
            known = (
                []
                if partitions is None
                else list(partitions.get_partition_keys(dynamic_partitions_store=project.instance))
            )
            span = (known[0], known[-1]) if known else ()
            result = project.run(f"key:lake/{name} or key:raw/{name}", *span)
            assert result.success, [e.message for e in result.all_events if e.is_failure]
            assert project.materialized(f"raw/{name}") == set(known), name
        refuse_a_delivery(project)
    with project.warehouse.session(read_only=True) as session:
        for name, column in MEASURES.items():
            rows = session.execute(f"SELECT _partition, count(*), sum({column}) FROM raw.{name} GROUP BY 1")
            found = {partition: (count, Decimal(total)) for partition, count, total in rows}
            wanted = {p: (n, total) for (feed, p), (n, total, _) in expected.items() if feed == name and n}
            assert found == wanted, name
        shipping = session.execute("SELECT DISTINCT shipping->>'city' FROM raw.orders")
        assert shipping == [("Fürth",)]
    for (name, partition), (good, _, bad) in expected.items():
        manifest = read_manifest(tmp_path / "data" / "lake", name, partition)
        assert manifest is not None
        assert (manifest.rows_in, manifest.rows_out, manifest.rows_quarantined) == (good + bad, good, bad)
    assert_nowhere_in_clear(tmp_path)


def refuse_a_delivery(project: Project) -> None:
    """A day again, now with rows that are wrong in every way, personal columns too: over the limit, so refused."""
    row = {"id": 1, "amount": 1.5, "customer": SECRET, "card": SECRET, "shipping": {"city": "x", "recipient": SECRET}}
    wrong = [
        {**row, "id": SECRET},
        {**row, "customer": {"name": SECRET}},
        {**row, "card": [SECRET]},
        {**row, "shipping": SECRET},
        {**row, "amount": SECRET},
        row,
        row,
    ]
    lines = [*(json.dumps(line) for line in wrong), '{"id": 9, "customer": "' + SECRET, SECRET]
    (project.landing / "orders" / "2024-03-05.jsonl").write_text("\n".join(lines) + "\n")
    result = project.run("key:lake/orders or key:raw/orders", "2024-03-05")
    assert not result.success
    failures = [event for event in result.all_events if event.is_step_failure]
    assert any("2024-03-05" in str(event.step_failure_data) for event in failures)
    assert SECRET not in str(result.all_events)


def assert_nowhere_in_clear(project: Path) -> None:
    """The personal value is in the landing folder and in the quarantine, and in no other file."""
    holding = [
        path.relative_to(project)
        for path in project.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]
    allowed = [path for path in holding if "landing" in path.parts or "_quarantine" in path.parts]
    assert holding == allowed
    assert any("landing" in path.parts for path in holding), "the check finds what is there"
    # bytes of Parquet and of tables are compressed: their values are looked at as well
    parquet = [path for path in (project / "data" / "lake").rglob("*.parquet") if "_quarantine" not in path.parts]
    assert parquet
    for path in parquet:
        assert SECRET not in str(pq.ParquetFile(path).read().to_pydict()), path
    with DuckDBWarehouse(path=project / "data" / "warehouse.duckdb").session(read_only=True) as session:
        tables = session.execute("SELECT schema_name, table_name FROM duckdb_tables()")
        assert ("raw", "orders") in tables
        for schema, table in tables:
            rows = session.execute(f'SELECT * FROM "{schema}"."{table}"')
            assert SECRET not in str(rows), f"{schema}.{table}"
