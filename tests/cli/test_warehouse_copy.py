"""`platform-assets warehouse copy`: raw tables from the lake into another warehouse, resumed, gated and compared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.cli.warehouse_places import located
from platform_assets.lake.locations import open_lake
from platform_assets.publishing.ledger import LEDGER
from platform_assets.publishing.reconciliation import contents
from platform_assets.warehouse.locations import open_warehouse
from tests.support.engines import location_of, warehouse_of
from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, PARTITIONS

ROOT = Path(__file__).resolve().parents[2]
AIRLINES = ROOT / "platform_assets" / "defs" / "flights" / "airlines"
ROW_COUNT = "    quality: [{name: few, type: library, metric: rowCount, mustBeBetween: [1, %d]}]\n"
RULES = """\
      - {name: customer, logicalType: string, relationships: [{to: people.customer}]}
      - {name: at, logicalType: timestamp, logicalTypeOptions: {timezone: true}}
      - {name: amount, logicalType: number, physicalType: "DECIMAL(9,2)"}
      - {name: share, logicalType: number}
"""
TOO_MANY = "2024-01-04"


def orders_contract(most: int) -> str:
    return CONTRACT.format(name="orders", columns=RULES + ROW_COUNT % most)


def rows(day: str, count: int = 3) -> str:
    number = int(day[-2:])
    lines = [f"{'ann' if i % 2 else 'ben'},{day}T0{i}:30:00.123456Z,{number + i}.5,{i / 3}" for i in range(count)]
    return "customer,at,amount,share\n" + "".join(f"{line}\n" for line in lines)


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path / "project"
    write_project(
        root,
        {
            # a table that others refer to comes after them by its name
            "people/defs.yaml": FEED.format(files="people.csv"),
            "people/contract.yaml": CONTRACT.format(
                name="people", columns="      - {name: customer, logicalType: string}\n"
            ),
            "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
            "orders/contract.yaml": orders_contract(5),
            **{f"airlines/{each.name}": each.read_text() for each in AIRLINES.glob("*.yaml")},
        },
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("PLATFORM_PARTITIONS_PER_LOAD", "2")
    with opened(root) as project:
        (project.landing / "orders").mkdir(parents=True)
        (project.landing / "people.csv").write_text("customer\nann\nben\n")
        (project.landing / "airlines.csv").write_text("carrier,name\nAA,American\nUA,United\n")
        for day in DAYS:
            (project.landing / "orders" / f"{day}.csv").write_text(rows(day, 8 if day == TOO_MANY else 3))
        assert project.run("key:*/people or key:*/airlines").success
        project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1])
        yield project


def warehouse(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(main, ["warehouse", *words])
    assert not found.exception or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, " ".join(found.output.split())


def published(location: str) -> dict[str, int]:
    """How many partitions of each asset are published."""
    return {asset: len(content.partitions) for asset, content in contents(open_warehouse(location))}


def lines(location: str) -> int:
    with open_warehouse(location).session(read_only=True) as session:
        return session.execute(f"SELECT count(*) FROM {session.quote(LEDGER.schema, LEDGER.name)}")[0][0]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["postgres", "ducklake"])
def test_to_another_engine_and_back(
    project: Project, tmp_path: Path, request: pytest.FixtureRequest, engine: str
) -> None:
    there = location_of(warehouse_of(engine, tmp_path, request))
    code, said = warehouse("copy", "--to", there, "--dry-run")
    assert code == 0, said
    with open_warehouse(there).session(read_only=True) as session:
        assert session.columns(LEDGER) is None
    code, said = warehouse("copy", "--to", there)
    assert code == 0, said
    assert published(there) == {"raw/airlines": 1, "raw/orders": 4, "raw/people": 1}
    assert f"raw/orders {TOO_MANY}: held" in said
    back = str(tmp_path / "back.duckdb")
    code, said = warehouse("copy", "--from", there, "--to", back)
    assert code == 0, said
    assert warehouse("compare", back)[0] == 0
    before = lines(back)
    assert warehouse("copy", "--from", there, "--to", back)[0] == 0
    assert lines(back) == before, "nothing is written for what is there"


@pytest.mark.slow
def test_what_a_gate_has_rejected_is_held_there_too(project: Project, tmp_path: Path) -> None:
    """Under a rule that is weaker by now, it waits for its own run."""
    (project.root / "somebody/defs/orders/contract.yaml").write_text(orders_contract(100))
    there = str(tmp_path / "there.duckdb")
    code, said = warehouse("copy", "raw/people", "raw/orders", "--to", there)
    assert code == 0, said
    assert published(there) == {"raw/orders": 4, "raw/people": 1}
    shown = CliRunner().invoke(main, ["ledger", "show", "raw/orders", "--partition", TOO_MANY, "--warehouse", there])
    assert "rejected" in shown.output
    assert "copied from" in shown.output


@pytest.mark.slow
def test_it_goes_on_after_a_kill(project: Project, postgres_database: str) -> None:
    words = [sys.executable, "-m", "tests.cli.killed_command", "warehouse", "copy", "--to", postgres_database]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    states = []
    for failpoint in ("publish.before_commit", "copy.batch", "publish.inserted"):
        killed = subprocess.run(
            words, env={**environment, "PLATFORM_FAILPOINTS": f"{failpoint}=kill"}, capture_output=True, check=False
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        states.append(published(postgres_database))
    assert states == [{}, {"raw/airlines": 1}, {"raw/airlines": 1}]
    before = lines(postgres_database)
    code, said = warehouse("copy", "--to", postgres_database)
    assert code == 0, said
    assert published(postgres_database) == {"raw/airlines": 1, "raw/orders": 4, "raw/people": 1}
    assert lines(postgres_database) == before + 6, "what was published before the kill has no second line"


@pytest.mark.slow
def test_a_partition_that_changes_meanwhile_is_copied_as_it_is_at_the_end(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from platform_assets.failpoints import armed

    there = str(tmp_path / "there.duckdb")
    changed = []

    def deliver() -> None:
        if not changed:
            changed.append(DAYS[0])
            (project.landing / "orders" / f"{DAYS[0]}.csv").write_text(rows(DAYS[0], 4))
            assert project.run("key:lake/orders or key:raw/orders", DAYS[0]).success

    with armed("copy.batch", deliver):
        code, said = warehouse("copy", "--to", there)
    assert code == 0, said
    assert "the same" in said
    assert dict(contents(open_warehouse(there)))["raw/orders"].partitions[DAYS[0]][0] == 4


@pytest.mark.slow
def test_a_newer_version_in_the_lake_is_told(project: Project, tmp_path: Path) -> None:
    (project.landing / "orders" / f"{DAYS[0]}.csv").write_text(rows(DAYS[0], 4))
    assert project.run("key:lake/orders", DAYS[0]).success
    code, said = warehouse("copy", "--to", str(tmp_path / "there.duckdb"))
    assert code == 1
    assert f"{DAYS[0]} has 3 rows here and 4 there" in said


@pytest.mark.slow
def test_a_file_that_is_gone_costs_its_partition_alone(project: Project, tmp_path: Path) -> None:
    there, lake = str(tmp_path / "there.duckdb"), open_lake(str(project.root / "data" / "lake"))
    manifest = lake.manifest("orders", DAYS[1])
    assert manifest is not None
    (gone,) = manifest.data_paths(project.root / "data" / "lake")
    text = gone.read_bytes()
    gone.unlink()
    code, said = warehouse("copy", "--to", there)
    assert code == 1
    assert f"raw/orders {DAYS[1]}: failed: lake_files" in said
    assert str(gone.parent) in said
    assert published(there) == {"raw/airlines": 1, "raw/orders": 3, "raw/people": 1}
    gone.write_bytes(text)
    assert warehouse("copy", "--to", there)[0] == 0
    assert published(there)["raw/orders"] == 4


@pytest.mark.slow
def test_what_no_lake_holds_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support.shop import deliver, write_shop

    root = tmp_path / "shop"
    write_shop(root)
    with opened(root) as project:
        monkeypatch.chdir(root)
        deliver(project)
        assert project.run(
            "key:lake/orders or key:raw/orders or key:cleaned or key:totals or key:published/totals", DAYS[0], DAYS[2]
        ).success
        there = str(tmp_path / "there.duckdb")
        code, said = warehouse("copy", "--to", there)
        assert code == 0, said
        assert "cleaned, totals, published/totals (3 partitions)" in said
        assert f"PLATFORM_WAREHOUSE={there} platform-assets run" in said
        assert f"--from {DAYS[0]} --to {DAYS[2]}" in said


def test_places_that_cannot_be_meant(project: Project, tmp_path: Path) -> None:
    mine = str(project.root / "data" / "warehouse.duckdb")
    assert "the same warehouse" in warehouse("copy", "--to", mine)[1]
    assert located("duckdb", "--from") == mine
    code, said = warehouse("copy", "--to", "postgresql")
    assert (code, "none is known" in said) == (1, True)
    code, said = warehouse("copy", "--from", "nowhere.duckdb", "--to", str(tmp_path / "x"))
    assert (code, "there is no warehouse here" in said) == (1, True)
    # a location with a server or a catalog is no file whose absence is seen
    code, said = warehouse("copy", "--from", f"ducklake://{tmp_path}/nowhere", "--to", str(tmp_path / "x"))
    assert (code, "nothing was ever published here" in said) == (1, True), said
    code, said = warehouse("copy", "lake/orders", "--to", str(tmp_path / "x"))
    assert (code, "selects no raw asset" in said) == (2, True)
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_what_fails_alike_is_told_once(project: Project, tmp_path: Path) -> None:
    lake = project.root / "data" / "lake"
    for gone in lake.glob("orders/**/*.parquet"):
        gone.write_bytes(b"no Parquet")
    code, said = warehouse("copy", "raw/orders", "--to", str(tmp_path / "there.duckdb"))
    assert code == 1
    assert said.count("failed: ") == 4, "each names a file of its own"
    (tmp_path / "not-a-database").write_text("text " * 1000)
    code, said = warehouse("copy", "raw/orders", "--to", str(tmp_path / "not-a-database"))
    assert (code, said.count("cannot be opened as a warehouse")) == (1, 1), said


@pytest.mark.slow
def test_from_a_shell_its_exit_code_is_that_of_the_copy(project: Project, tmp_path: Path) -> None:
    """DuckDB has a thread as soon as it is imported, which a process that is forked afterwards would wait for."""
    line = [
        str(Path(sys.executable).with_name("platform-assets")),
        "warehouse",
        "copy",
        "--to",
        str(tmp_path / "w.duckdb"),
    ]
    done = subprocess.run(line, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert published(str(tmp_path / "w.duckdb")) == {"raw/airlines": 1, "raw/orders": 4, "raw/people": 1}


@pytest.mark.slow
def test_ctrl_c_leaves_what_was_published_and_no_lease(project: Project, tmp_path: Path) -> None:
    endless = '"SELECT count(*) FROM ${table} AS a, range(1000000000000) AS r(i) WHERE hash(i) % 7 = 3"'
    rule = f"    quality: [{{name: endless, type: sql, query: {endless}, mustBeGreaterThan: 0}}]\n"
    (project.root / "somebody/defs/orders/contract.yaml").write_text(
        CONTRACT.format(name="orders", columns=RULES) + rule
    )
    there = tmp_path / "there.duckdb"
    line = [str(Path(sys.executable).with_name("platform-assets")), "warehouse", "copy", "--to", str(there)]
    with subprocess.Popen(
        line, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as started:
        assert started.stdout is not None
        said = next(said for said in started.stdout if "raw/people: 1 partition done" in said)
        started.send_signal(signal.SIGINT)
        rest = started.stdout.read()
    assert (started.returncode, "canceled: what was published stays" in rest) == (1, True), said + rest
    assert published(str(there)) == {"raw/airlines": 1, "raw/people": 1}
    with open_warehouse(str(there)).session(read_only=True) as session:
        held = session.execute("SELECT count(*) FROM platform.leases WHERE holder IS NOT NULL")
    assert held == [(0,)]
