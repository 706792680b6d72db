"""A newcomer: from three sample files to three published tables, by the commands of docs/first_tables.md."""

import json
import re
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from tests.support.own_project import DOCS, PAGE, commands, environment, section, write_created

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MOST_SECONDS, MOST_COMMANDS = 180, 6
ROWS = {"orders": 200, "events": 120, "products": 40}


def write_samples(folder: Path) -> None:
    """The three files as the page describes them."""
    folder.mkdir(parents=True)
    orders = "".join(
        f"{n};Jürgen Größe {n};{n}.{n:03},{n % 100:02};{n % 28 + 1:02}.01.2026;a{n}@example.org\r\n"
        for n in range(1, ROWS["orders"] + 1)
    )
    text = "id;customer;amount;paid;email\r\n" + orders
    (folder / "orders_2026-01-05.csv").write_bytes(text.encode("cp1252"))
    documents = (
        {
            "id": f"e{n}",
            "at": f"2026-01-05T10:{n % 60:02}:00Z",
            "user": {"id": n, "address": {"zip": f"{10115 + n}", "city": "Example"}},
            "items": [{"sku": "a", "quantity": n, "price": 1.25}],
        }
        for n in range(ROWS["events"])
    )
    lines = "".join(json.dumps(document) + "\n" for document in documents)
    (folder / "events_2026-01-05.jsonl").write_text(lines)
    select = f"SELECT range AS id, 'p' || range AS name, 1.5::DECIMAL(9,2) AS price FROM range({ROWS['products']})"
    duckdb.sql(select).write_parquet(str(folder / "products.parquet"))


def test_three_samples_are_three_published_tables_after_six_commands(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    write_created(project)
    write_samples(tmp_path / "home" / "samples")
    page = PAGE.read_text()
    prepare = "".join(block for title in ("The instance", "Places") for block in commands(section(page, title)))
    (block,) = commands((DOCS / "first_tables.md").read_text())
    words = {**environment(project), "HOME": str(tmp_path / "home")}

    def bash(script: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=project, env=words, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    bash(prepare)
    assert len(block.splitlines()) <= MOST_COMMANDS
    started = time.monotonic()
    output = bash("export DAGSTER_HOME=$PWD/.dagster\n" + block)
    assert time.monotonic() - started < MOST_SECONDS
    for name, rows in ROWS.items():
        assert f"{rows:,} of {rows:,} rows would be published, 0 quarantined" in output
        assert re.search(rf"raw/{name} +│ (2026-01-05)? +│ +{rows} │ +│ +1 of 1 ", output), output
    assert "6 of 6 assets published in full" in output
    with duckdb.connect(str(project / "data" / "warehouse.duckdb"), read_only=True) as warehouse:
        for name, rows in ROWS.items():
            assert warehouse.execute(f"SELECT count(*) FROM raw.{name}").fetchall() == [(rows,)]
        amounts = warehouse.execute("SELECT max(amount), max(paid), max(customer) FROM raw.orders").fetchall()
        assert [str(value) for value in amounts[0]] == ["200200.00", "2026-01-28", "Jürgen Größe 99"]
