"""`platform-assets reload`: a live feed under a changed contract, and no clear value left of before, at every kill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.cli.reload_runs import Reloaded, reload_feed
from platform_assets.lake.manifest import read_manifest
from tests.support.campaigns import CAMPAIGN
from tests.support.projects import Project, opened
from tests.support.shop import CONTRACT, DAYS, deliver, good_rows, write_shop

COLUMNS = """\
      - {name: id, logicalType: integer}
      - {name: customer, logicalType: string%s}
      - {name: status, logicalType: string}
      - {name: amount, logicalType: %s}
"""
MASK = ", customProperties: [{property: protection, value: mask}]"
HASH = ", customProperties: [{property: protection, value: hash}]"
CLEAR = "@clear.example"
POINTS = (
    "reload.noted", "lake.rewrite.read", "lake.commit.before_rename", "lake.commit.after_rename", "reload.lake",
    "publish.inserted", "publish.committed", "reload.published", "reload.downstream", "lake.purge.before_records",
    "lake.purge.before_removal", "reload.purged", "warehouse.rewrite.before_rename", "warehouse.rewrite.after_rename",
    "reload.warehouse", "reload.searched", "lake.generations.before_removal", "reload.generations",
)  # fmt: skip


GATE = "    quality: [{name: enough, type: library, metric: rowCount, mustBeGreaterThan: 1}]\n"


def contract(project: Project, protection: str = "", amount: str = "integer", gate: str = "") -> None:
    path = project.root / "somebody" / "defs" / "orders" / "contract.yaml"
    text = CONTRACT.format(name="orders", columns=COLUMNS % (protection, amount)) + gate
    path.write_text(text + "customProperties: [{property: quarantineLimit, value: 0.9}]\n")
    vars(project).pop("definitions", None)
    vars(project).pop("job", None)


def rows(day: str) -> list[list[str]]:
    """The good orders of a day, of customers whose names are found nowhere by chance, and a bad one."""
    mails = [[number, f"{name}-{day}{CLEAR}", *more] for number, name, *more in good_rows(day)]
    return [*mails, ["none", f"bad-{day}{CLEAR}", "open", "1"]]


@contextmanager
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A feed of orders, in a project from which commands are called."""
    write_shop(tmp_path, macros=False)
    for folder in ("models", "published"):
        (tmp_path / "somebody" / "defs" / folder / "defs.yaml").unlink()
    monkeypatch.setenv("PLATFORM_PSEUDONYM_KEY", "a key for tests, of 32 bytes len")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with opened(tmp_path) as project:
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
        monkeypatch.chdir(tmp_path)
        yield project


def publish(project: Project) -> None:
    """Five days are published under a contract without protections; of the last three the delivery is gone."""
    contract(project)
    deliver(project, {day: rows(day) for day in DAYS})
    assert project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success
    for day in DAYS[2:]:
        (project.landing / "orders" / f"{day}.csv").unlink()


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with shop(tmp_path, monkeypatch) as project:
        publish(project)
        yield project


def reload(
    project: Project, *, revisions: Sequence[str] = (), downstream: bool = False, dry_run: bool = False
) -> Reloaded:
    for name in [name for name in sys.modules if name.split(".")[0] == "somebody"]:
        del sys.modules[name]  # a command is a process of its own
    assert project.instance.root_directory == os.environ["DAGSTER_HOME"]
    said: list[str] = []
    return reload_feed("orders", revisions=revisions, downstream=downstream, dry_run=dry_run, say=said.append)


def clear_texts(project: Project) -> list[str]:
    """Where the clear values are: files by byte, Parquet and tables as they are read."""
    found = []
    landing = project.landing
    for path in project.root.rglob("*"):
        if path.is_file() and landing not in path.parents and CLEAR.encode() in path.read_bytes():
            found.append(str(path.relative_to(project.root)))
    with duckdb.connect() as engine:
        for path in (project.root / "data" / "lake").rglob("*.parquet"):
            if CLEAR in str(engine.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()):
                found.append(str(path.relative_to(project.root)))
    with project.warehouse.session(read_only=True) as session:
        for schema, name in session.execute("SELECT schema_name, table_name FROM duckdb_tables()"):
            if CLEAR in str(session.execute(f'SELECT * FROM "{schema}"."{name}"')):
                found.append(f"{schema}.{name}")
    return found


def orders(project: Project, columns: str = "*") -> list[tuple[object, ...]]:
    with project.warehouse.session(read_only=True) as session:
        return session.execute(f"SELECT {columns} FROM raw.orders ORDER BY ALL")


def test_after_a_new_protection_no_clear_value_is_found_anywhere(project: Project) -> None:
    before = orders(project, "id, status, amount, _partition")
    assert len(clear_texts(project)) > 10, "Parquet, quarantine, table and file"
    contract(project, HASH)
    tried = reload(project, dry_run=True)
    assert tried.ways == {"landing": 2, "lake": 3}
    assert len(clear_texts(project)) > 10
    done = reload(project)
    assert (done.good, done.ways, done.lines) == (True, {"landing": 2, "lake": 3}, []), done
    assert clear_texts(project) == []
    assert orders(project, "id, status, amount, _partition") == before
    assert all(len(str(row[0])) == 32 for row in orders(project, "customer"))
    places = {each.where: each.found for each in done.searched}
    assert set(places.values()) == {0}
    assert {"lake", "quarantine", "warehouse tables", "warehouse file", "event log and logs"} <= places.keys()
    assert "15 clear values of customer (all 15 values); 15 of them" in done.values
    again = reload(project)
    assert (again.good, again.ways, again.searched) == (True, {"current": 5}, [])
    assert "nothing to do" in again.ends[0]
    assert project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success, "the feed goes on"


@pytest.mark.slow
def test_a_partition_that_a_gate_refuses_keeps_no_clear_values_in_the_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop(tmp_path, monkeypatch) as project:
        contract(project, gate=GATE)
        deliver(project, {day: rows(day)[-2:] if day == DAYS[4] else rows(day) for day in DAYS})
        assert not project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success, "one row is not enough"
        contract(project, HASH, gate=GATE)
        done = reload(project)
        assert [(partition, way) for partition, way, _ in done.lines] == [(DAYS[4], "in the lake")], done
        assert done.good, done
        assert clear_texts(project) == []


@pytest.mark.slow
def test_a_table_that_still_holds_a_value_is_found_and_the_values_are_kept(project: Project) -> None:
    with project.warehouse.session() as session:
        session.execute("CREATE TABLE copied AS SELECT 'of ' || customer || ', long ago' AS words FROM raw.orders")
    contract(project, MASK)
    done = reload(project)
    assert not done.good
    found = {each.where: (each.found, each.at) for each in done.searched if not each.clean}
    assert found["warehouse tables"] == (15, ("main.copied: words",))
    assert found["lake"][0], "earlier ingestions stay for as long as the search needs them"
    with project.warehouse.session() as session:
        session.execute("DROP TABLE copied")
    again = reload(project)
    assert again.good, again
    assert "15 clear values" in again.values
    assert clear_texts(project) == []


@pytest.mark.slow
def test_what_the_lake_does_not_hold_is_said_by_partition(project: Project) -> None:
    contract(project, MASK)
    assert reload(project).good
    contract(project)
    done = reload(project)
    assert not done.good
    assert done.ways == {"landing": 2, "left": 3}
    assert [line[:2] for line in done.lines] == [(day, "left") for day in DAYS[2:]]
    assert "column 'customer' was protected by mask" in done.lines[0][2]
    assert {row[0] for row in orders(project, "customer") if CLEAR not in str(row[0])} == {"***"}


@pytest.mark.slow
def test_a_type_changes_in_a_live_table(project: Project) -> None:
    contract(project, amount="string")
    done = reload(project)
    assert (done.good, done.searched) == (True, [])
    assert [type(row[0]) for row in orders(project, "amount")] == [str] * 15
    assert any("BIGINT" in line[2] for line in done.lines), "the form of the numbers is said"
    contract(project)
    assert reload(project).good
    assert [type(row[0]) for row in orders(project, "amount")] == [int] * 15
    assert all(read_manifest(project.root / "data" / "lake", "orders", day) for day in DAYS)


@pytest.mark.slow
def test_a_check_against_the_contract_of_before_foretells_it(project: Project) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True)

    git("init")
    git("add", "somebody")
    git("commit", "-m", "before")
    contract(project, HASH, amount="string")
    path = project.root / "somebody" / "defs" / "orders" / "contract.yaml"
    checked = CliRunner().invoke(main, ["contract", "check", str(path), "--against", "HEAD"])
    assert checked.exit_code == 1
    for words in (
        "orders: 5 partitions of orders in the lake: 2 to be ingested again, their files are still there, "
        "3 to be written anew from the lake, their files are gone",
        "column 'amount': values of BIGINT become VARCHAR",
        "the table raw.orders gets other types: all of its partitions are published in one transaction",
        "clear values of customer are to be removed",
        "what must be done: platform-assets reload orders --downstream",
        "until `platform-assets reload` has removed them",
    ):
        assert words in checked.output, checked.output
    assert reload(project).good
    contract(project, MASK, amount="string")
    assert "orders: 5 partitions" not in CliRunner().invoke(main, ["contract", "check", str(path)]).output
    contract(project, amount="string")
    path.with_name("before.yaml").unlink(missing_ok=True)
    git("commit", "-am", "protected no more")
    contract(project, HASH, amount="string")
    git("commit", "-am", "protected")
    contract(project, amount="string")
    back = CliRunner().invoke(main, ["contract", "check", str(path), "--against", "HEAD"])
    assert "2 to be ingested again, their files are still there, 3 that cannot be brought under it" in back.output
    assert f"{DAYS[2]}: column 'customer' was protected by hash" in back.output


@pytest.mark.slow
def test_records_that_do_not_say_it_are_completed_by_the_contract_of_before(project: Project) -> None:
    lake = project.root / "data" / "lake"
    for day in DAYS:
        manifest = read_manifest(lake, "orders", day)
        assert manifest is not None
        path = lake / "orders" / day / "manifest.json"
        path.write_bytes(replace(manifest, protections=None).to_json())
    for words in (["init"], ["add", "somebody"], ["commit", "-m", "before"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True)
    contract(project, HASH)
    refused = reload(project, dry_run=True)
    assert refused.ways == {"landing": 2, "left": 3}
    assert "--against" in refused.lines[0][2]
    done = reload(project, revisions=("HEAD",))
    assert (done.good, done.ways) == (True, {"landing": 2, "lake": 3}), done
    assert clear_texts(project) == []


@pytest.mark.slow
def test_what_was_ingested_under_the_new_contract_before_is_cleared_too(project: Project) -> None:
    """A sensor asks for deliveries again once their contract has changed, before anybody reloads."""
    for day in DAYS[2:]:
        (project.landing / "orders" / f"{day}.csv").write_text(
            "id,customer,status,amount\n" + "".join(",".join(row) + "\n" for row in rows(day))
        )
    contract(project, HASH)
    assert project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success
    done = reload(project)
    assert (done.good, done.ways) == (True, {"current": 5}), done
    assert "15 clear values of customer" in done.values
    assert clear_texts(project) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("point", POINTS if CAMPAIGN > 1 else POINTS[::2])
def test_killed_at_each_step_it_goes_on(project: Project, point: str) -> None:
    contract(project, HASH, amount="string")
    code = (
        "from platform_assets.failpoints import arm_from_environment; arm_from_environment()\n"
        "from platform_assets.cli.main import main; main(['reload', 'orders'])"
    )
    environment = {**os.environ, "PLATFORM_FAILPOINTS": f"{point}=kill"}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr.decode()[-2000:]
    done = reload(project)
    assert done.good, done
    assert clear_texts(project) == []
    assert [len(str(row[0])) for row in orders(project, "customer")] == [32] * 15
    assert [type(row[0]) for row in orders(project, "amount")] == [str] * 15
