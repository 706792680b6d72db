"""`platform-assets doctor` finds each of many mistakes of a configuration, one at a time, and says what mends it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli import doctor as command
from platform_assets.doctor.machine import VARIABLES
from platform_assets.publishing.migrations import MIGRATION_TABLE, MIGRATIONS, ledger_session
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from tests.support.projects import RESOURCES
from tests.support.shop import CONTRACT, DEFS, ORDER_COLUMNS, write_shop

HASHED = """\
      - name: customer
        logicalType: string
        classification: personal
        customProperties: [{property: protection, value: hash}]
"""
SECRET = "a-secret-that-nobody-sees"


@dataclass
class Shop:
    """A project in ``root``, and the variables that the command is given."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def defs(self, path: str, text: str) -> None:
        self.write(f"somebody/defs/{path}", text)

    def diagnosed_here(self, area: str) -> tuple[int, list[dict[str, str]], str]:
        """As ``diagnosed`` of one area, in this process: for areas that import nothing of the project."""
        with pytest.MonkeyPatch.context() as patched:
            for name in [name for name in os.environ if name.startswith(("PLATFORM_", "DAGSTER_"))]:
                patched.delenv(name)
            for name, value in self.variables.items():
                patched.setenv(name, value)
            patched.chdir(self.root)
            checks = [check for check in command._checks() if check.area == area]
            patched.setattr(command, "_checks", lambda: iter(checks))
            done = CliRunner().invoke(command.doctor, ["--json"])
        assert not done.exception or isinstance(done.exception, SystemExit), done.exception
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.exit_code, [line for line in lines if line["state"] != "good"], done.output

    def diagnosed(self, *areas: str) -> tuple[int, list[dict[str, str]], str]:
        """The exit code, what is not good, and everything that was printed."""
        program = (
            "import sys\nfrom platform_assets.cli import doctor\n"
            f"areas = {areas!r}\nreal = doctor._checks\n"
            "if areas:\n    doctor._checks = lambda: (check for check in real() if check.area in areas)\n"
            "from platform_assets.cli.main import main\nmain(['doctor', '--json'])\n"
        )
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLATFORM_", "DAGSTER_"))}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=self.root, capture_output=True, text=True, check=False,
            env={**kept, **self.variables},
        )  # fmt: skip
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, [line for line in lines if line["state"] != "good"], done.stdout + done.stderr


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    write_shop(tmp_path)
    (tmp_path / "data" / "landing").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("run_monitoring: {enabled: true}\n")
    with ledger_session(DuckDBWarehouse(tmp_path / "data" / "warehouse.duckdb"), purpose="test"):
        pass
    return Shop(tmp_path, {"DAGSTER_HOME": str(tmp_path / "home")})


def environment(shop: Shop) -> None:
    shop.variables["PLATFORM_ENV"] = "prod"


def home(shop: Shop) -> None:
    shop.variables |= {"PLATFORM_ENV": "production"}


def misspelt(shop: Shop) -> None:
    shop.variables["PLATFORM_LANDIG"] = "x"


def no_landing(shop: Shop) -> None:
    (shop.root / "data" / "landing").rmdir()


def landing_is_a_file(shop: Shop) -> None:
    no_landing(shop)
    shop.write("data/landing", "")


def landing_of_an_unknown_host(shop: Shop) -> None:
    shop.defs("platform/defs.yaml", RESOURCES.replace("data/landing", "sftp://user@127.0.0.1:1/landing"))


def landing_scheme(shop: Shop) -> None:
    shop.defs("platform/defs.yaml", RESOURCES.replace("data/landing", "ftp://host/landing"))


def lake_is_a_file(shop: Shop) -> None:
    shop.write("data/lake", "")


def quarantine_in_the_lake(shop: Shop) -> None:
    shop.defs("platform/defs.yaml", f"{RESOURCES}  quarantine: data/lake/quarantine\n")


def quarantine_is_a_file(shop: Shop) -> None:
    shop.write("data/quarantine", "")
    shop.defs("platform/defs.yaml", f"{RESOURCES}  quarantine: data/quarantine\n")


def warehouse_scheme(shop: Shop) -> None:
    shop.defs("platform/defs.yaml", RESOURCES.replace("data/warehouse.duckdb", f"oracle://me:{SECRET}@host/db"))


def no_database(shop: Shop) -> None:
    (shop.root / "data/warehouse.duckdb").write_text("no database at all\n" * 1000)


def newer_ledger(shop: Shop) -> None:
    with ledger_session(DuckDBWarehouse(shop.root / "data/warehouse.duckdb"), purpose="test") as session:
        session.execute(
            f"INSERT INTO {session.quote(MIGRATION_TABLE.schema, MIGRATION_TABLE.name)} VALUES (?, 'newer', ?)",
            [MIGRATIONS[-1].number + 1, session.now()],
        )


def contract(shop: Shop) -> None:
    shop.defs("orders/contract.yaml", CONTRACT.format(name="orders", columns=ORDER_COLUMNS.replace("integer", "int")))


def no_key(shop: Shop) -> None:
    shop.defs("customers/contract.yaml", CONTRACT.format(name="customers", columns=HASHED))


def short_key(shop: Shop) -> None:
    no_key(shop)
    shop.variables["PLATFORM_PSEUDONYM_KEY"] = SECRET[:9]


def definitions(shop: Shop) -> None:
    shop.defs("orders/defs.yaml", DEFS["orders/defs.yaml"].replace("partitions:", "partitons:"))


def broken_feed(shop: Shop) -> None:
    shop.defs("orders/defs.yaml", DEFS["orders/defs.yaml"].replace("%Y-%m-%d", "%Y-%m"))


def access(shop: Shop) -> None:
    shop.defs("access.yaml", "roles:\n  analyst: {read: {schemas: [marts]}, seas: [public]}\n")


def channel(shop: Shop) -> None:
    shop.defs("alerts.yaml", "channels: {team: {slack: {channel: '#data'}}}\n")


def damaged_lake(shop: Shop) -> None:
    shop.variables["PLATFORM_WAREHOUSE"] = f"ducklake://{shop.root}/ducklake"
    shop.write("ducklake/catalog.sqlite", "no database " * 1000)


def dbt_model(shop: Shop) -> None:
    shop.write("dbt/models/apart.sql", "select * from {{ ref('nowhere') }}")


def dbt_profile(shop: Shop) -> None:
    shop.write("dbt/profiles.yml", "shop: {target: x, outputs: {x: {type: duckdb, path: /nowhere/at/all.duckdb}}}\n")


def no_dagster_home(shop: Shop) -> None:
    del shop.variables["DAGSTER_HOME"]


def dagster_home_is_nowhere(shop: Shop) -> None:
    shop.variables["DAGSTER_HOME"] = str(shop.root / "nowhere")


def dagster_yaml(shop: Shop) -> None:
    shop.write("home/dagster.yaml", "run_launcher: {module: nowhere.at_all, class: Launcher}\n")


def coordinator(shop: Shop) -> None:
    shop.write(
        "home/dagster.yaml",
        "run_coordinator: {module: platform_assets.launching.quick_queue, class: QuickQeue, config: {}}\n",
    )


def no_monitoring(shop: Shop) -> None:
    shop.write("home/dagster.yaml", "run_monitoring: {enabled: false}\n")


def storage(shop: Shop) -> None:
    url = f"postgresql://me:{SECRET}@127.0.0.1:1/dagster"
    shop.write("home/dagster.yaml", f"storage: {{postgres: {{postgres_url: '{url}'}}}}\n")


Mistake = tuple[Callable[[Shop], None], str, str, str, str]
MISTAKES: list[Mistake] = [
    (environment, "environment", "wrong", "PLATFORM_ENV is 'prod'", "correct what"),
    (home, "environment", "wrong", "takes no default", "correct what"),
    (misspelt, "environment", "warning", "PLATFORM_LANDIG is set", "rename it to PLATFORM_LANDING"),
    (no_landing, "landing", "warning", "does not exist", "mkdir -p"),
    (landing_is_a_file, "landing", "wrong", "is no folder", "name the folder"),
    (landing_of_an_unknown_host, "landing", "wrong", "sftp://user@127.0.0.1:1/landing", "mend what"),
    (landing_scheme, "landing", "wrong", "begins with ftp://", "correct what"),
    (lake_is_a_file, "lake", "wrong", "is no folder", "name another place"),
    (quarantine_in_the_lake, "quarantine", "wrong", "neither may it lie in the lake", "correct what"),
    (quarantine_is_a_file, "quarantine", "wrong", "is no folder", "name another place"),
    (warehouse_scheme, "warehouse", "wrong", "begins with oracle://", "correct what"),
    (no_database, "warehouse", "wrong", "warehouse.duckdb", "mend what"),
    (damaged_lake, "warehouse", "wrong", "or move it and", "mend what"),
    (newer_ledger, "warehouse", "wrong", "newer version of platform-assets", "correct what"),
    (contract, "contracts", "wrong", "orders/contract.yaml", "contract check"),
    (no_key, "contracts", "wrong", "PLATFORM_PSEUDONYM_KEY is not set", "openssl rand"),
    (short_key, "contracts", "wrong", "holds 9 bytes", "openssl rand"),
    (no_dagster_home, "dagster", "warning", "DAGSTER_HOME is not set", "set DAGSTER_HOME"),
    (dagster_home_is_nowhere, "dagster", "wrong", "no absolute path of a folder", "mkdir"),
    (dagster_yaml, "dagster", "wrong", "nowhere", "home/dagster.yaml"),
    (coordinator, "dagster", "wrong", "QuickQeue", "home/dagster.yaml"),
    (no_monitoring, "dagster", "warning", "run monitoring is off", "run_monitoring: {enabled: true}"),
    (storage, "dagster", "wrong", "cannot be opened", "start the database"),
]
OF_THE_PROJECT: list[Mistake] = [
    (definitions, "definitions", "wrong", "orders/defs.yaml", "correct what"),
    (broken_feed, "definitions", "wrong", "the feed orders is left out", "dg check defs"),
    (access, "access", "wrong", "seas", "warehouse plan"),
    (channel, "alerts", "wrong", "SLACK_BOT_TOKEN", "set what it names"),
    (dbt_model, "definitions", "wrong", "nowhere", "correct what"),
    (dbt_profile, "dbt", "wrong", "dbt cannot use its profile", "dbt debug"),
]


def check(shop: Shop, areas: tuple[str, ...], mistake: Mistake) -> None:
    make, area, state, said, mend = mistake
    make(shop)
    code, found, printed = shop.diagnosed(*areas) if areas else shop.diagnosed_here(area)
    mine = [line for line in found if line["area"] == area and line["state"] == state and said in line["said"]]
    assert len(mine) == 1, printed
    assert mend in mine[0]["mend"]
    assert code == int(any(line["state"] == "wrong" for line in found))
    assert SECRET not in printed


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0].__name__)
def test_a_mistake_is_found(shop: Shop, mistake: Mistake) -> None:
    check(shop, (), mistake)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", OF_THE_PROJECT, ids=lambda mistake: mistake[0].__name__)
def test_a_mistake_of_the_project_is_found(shop: Shop, mistake: Mistake) -> None:
    check(shop, ("definitions", "access", "alerts", "dbt"), mistake)


@pytest.mark.slow
def test_nothing_is_wrong_with_a_good_project(shop: Shop) -> None:
    code, found, printed = shop.diagnosed()
    assert code == 0, printed
    assert [line["said"].split(":")[0] for line in found] == ["no heartbeat of"], printed


def test_a_warehouse_that_another_process_holds_is_said_to_be_held(shop: Shop) -> None:
    with DuckDBWarehouse(shop.root / "data/warehouse.duckdb").session(purpose="a long load"):
        code, found, printed = shop.diagnosed("warehouse")
    assert code == 0, printed
    assert "a long load" in found[0]["said"]


def test_every_variable_that_is_read_is_known() -> None:
    package = Path(__file__).parents[2]
    read = {
        name
        for folder in ("platform_assets", "resources")
        for path in (package / folder).rglob("*.py")
        for name in re.findall(r"\bPLATFORM_[A-Z_]+[A-Z]\b", path.read_text())
    }
    # the schema of Snowflake's staging tables has such a name too
    assert read - {"PLATFORM_STAGING"} == VARIABLES
