"""`platform-assets warehouse plan` and `apply` on a PostgreSQL: what roles can really read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_assets.cli.ingest_runs import feed_of, platform_of
from platform_assets.cli.loading import load_definitions
from platform_assets.components.assets.raw import load_partitions
from platform_assets.lake.deliveries import SNAPSHOT
from tests.support.access_shop import ACCESS, ODD, ROW, access_shop, command, drop_roles, load, read, run, settled
from tests.support.projects import Project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(name="project")
def _project(tmp_path: Path, postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    yield from access_shop(tmp_path, postgres_database, monkeypatch)
    drop_roles(postgres_database)


DENIED = "42501"
MASKED = "SELECT id, email, income FROM raw_masked.customers"


@pytest.mark.slow
def test_roles_read_what_the_file_says(project: Project, postgres_database: str) -> None:
    code, said = command("plan", "--detailed-exitcode")
    assert code == 2, said
    assert run(postgres_database, "SELECT count(*) FROM pg_roles WHERE rolname = 'analysts'") == [(0,)]
    code, said = command("apply")
    assert code == 0, said
    assert "published" in said, "a schema that is not there yet is named"
    settled()
    assert read(postgres_database, "analysts", "SELECT email FROM raw.customers") == DENIED
    assert read(postgres_database, "analysts", "SELECT * FROM raw.customers") == DENIED
    assert read(postgres_database, "analysts", 'SELECT id, "odd "" name" FROM raw.customers') == [(7, "x")]
    assert read(postgres_database, "analysts", MASKED) == [(7, "***", None)]
    assert read(postgres_database, "auditors", MASKED) == [(7, "ann@there", None)]
    assert read(postgres_database, ODD, MASKED) == [(7, "***", 1000)]
    assert read(postgres_database, "stewards", MASKED) == [(7, "ann@there", 1000)]
    assert read(postgres_database, "stewards", "SELECT email, income FROM raw.customers") == [("ann@there", 1000)]
    assert read(postgres_database, "analysts", "SELECT token FROM raw.customers") != DENIED, "a pseudonym is not clear"
    assert read(postgres_database, "analysts", "DELETE FROM raw.customers") == DENIED
    assert read(postgres_database, "analysts", "SELECT * FROM platform.ledger") == DENIED
    comments = "SELECT obj_description('raw.customers'::regclass), col_description('raw.customers'::regclass, 1)"
    assert run(postgres_database, comments) == [("The customers of the shop.", "Number of the customer.")]


@pytest.mark.slow
def test_what_is_no_longer_wanted_is_revoked_and_nothing_else(project: Project, postgres_database: str) -> None:
    run(postgres_database, "CREATE ROLE somebody_else", "GRANT USAGE ON SCHEMA raw TO somebody_else",
        "GRANT SELECT ON raw.customers TO somebody_else")  # fmt: skip
    assert command("apply")[0] == 0
    run(postgres_database, "GRANT INSERT ON raw.customers TO analysts")
    (project.root / "somebody/defs/access.yaml").write_text(
        ACCESS.replace("  analysts:\n", "  renamed:\n").replace("sees: all", "sees: [personal]")
    )
    code, said = command("apply")
    assert code == 0, said
    assert "analysts is no longer in the access file" in said
    settled()
    assert read(postgres_database, "analysts", "SELECT id FROM raw.customers") == DENIED
    assert read(postgres_database, "stewards", "SELECT income FROM raw.customers") == DENIED
    assert read(postgres_database, "stewards", "SELECT email FROM raw.customers") == [("ann@there",)]
    assert read(postgres_database, "renamed", MASKED) == [(7, "***", None)]
    assert read(postgres_database, "somebody_else", "SELECT email FROM raw.customers") == [("ann@there",)]
    kept = "SELECT has_table_privilege('analysts', 'raw.customers', 'INSERT')"
    assert run(postgres_database, kept) == [(True,)], "a grant of somebody else"


@pytest.mark.slow
def test_a_grant_of_somebody_else_that_shows_clear_values_is_told(project: Project, postgres_database: str) -> None:
    assert command("apply")[0] == 0
    run(postgres_database, "GRANT SELECT (email) ON raw.customers TO analysts")
    code, said = command("plan", "--detailed-exitcode")
    assert code == 0
    assert "analysts can read raw.customers (email) in clear" in said
    run(postgres_database, "CREATE ROLE somebody_else", "GRANT SELECT ON raw.customers TO somebody_else")
    assert "somebody_else can read raw.customers (email, income) in clear" in command("plan")[1]


@pytest.mark.slow
def test_a_further_classified_column_changes_the_plan(project: Project, postgres_database: str) -> None:
    assert command("apply")[0] == 0
    path = project.root / "somebody/defs/customers/contract.yaml"
    classified = "classification: confidential, customProperties: [{property: protection, value: none}], description"
    path.write_text(path.read_text().replace("description: Number", f"{classified}: Number"))
    code, said = command("plan", "--detailed-exitcode")
    assert code == 2, said
    assert '- REVOKE SELECT ("id") ON "raw"."customers" FROM "analysts";' in said
    assert command("apply")[0] == 0
    settled()
    assert read(postgres_database, "analysts", "SELECT id FROM raw.customers") == DENIED
    assert read(postgres_database, "analysts", MASKED) == [(None, "***", None)]
    assert read(postgres_database, ODD, MASKED) == [(7, "***", 1000)]


@pytest.mark.slow
def test_an_extended_table_shows_nothing_new_before_it_is_applied(project: Project, postgres_database: str) -> None:
    assert command("apply")[0] == 0
    path = project.root / "somebody/defs/customers/contract.yaml"
    path.write_text(path.read_text() + "      - {name: city, logicalType: string}\n")
    (project.landing / "customers.csv").write_text(
        'id,email,income,"odd "" name",token,city\n' + ROW.replace("\n", ",Berlin\n")
    )
    load(project.root, project)
    assert read(postgres_database, "analysts", "SELECT city FROM raw.customers") == DENIED
    assert read(postgres_database, "stewards", "SELECT city FROM raw.customers") == [("Berlin",)]
    assert command("apply")[0] == 0
    settled()
    assert read(postgres_database, "analysts", "SELECT city FROM raw.customers") == [("Berlin",)]
    assert read(postgres_database, "analysts", "SELECT city, email FROM raw_masked.customers") == [("Berlin", "***")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["widened", "retyped"])
def test_a_table_of_other_types_keeps_its_views_and_grants(project: Project, postgres_database: str, kind: str) -> None:
    assert command("apply")[0] == 0
    to = {"widened": 'number, physicalType: "DECIMAL(22,2)"', "retyped": "string"}[kind]
    path = project.root / "somebody/defs/customers/contract.yaml"
    path.write_text(path.read_text().replace("name: income, logicalType: integer", f"name: income, logicalType: {to}"))
    (project.landing / "customers.csv").write_text('id,email,income,"odd "" name",token\n' + ROW.replace("x", "y"))
    fresh = Project(project.root, project.instance)
    assert fresh.run("key:lake/customers").success
    definitions = load_definitions(project.root)
    platform: Any = platform_of(definitions)["platform"]
    feed = feed_of(definitions, "customers")
    verdicts, _ = load_partitions(feed, [SNAPSHOT], platform=platform, run_id="r", retypes=True)
    assert [verdict.published for verdict in verdicts] == [True]
    assert read(postgres_database, "analysts", "SELECT income FROM raw.customers") == DENIED
    assert read(postgres_database, "analysts", 'SELECT id, "odd "" name" FROM raw.customers') == [(7, "y")]
    assert read(postgres_database, "analysts", MASKED) == [(7, "***", None)]
    assert command("apply")[0] == 0
    settled()
    assert read(postgres_database, ODD, MASKED)[0][:2] == (7, "***")
    assert read(postgres_database, "stewards", "SELECT income::text FROM raw.customers")[0][0].startswith("1000")


@pytest.mark.slow
def test_a_kill_leaves_the_old_or_the_new(project: Project, postgres_database: str) -> None:
    words = [sys.executable, "-m", "tests.cli.killed_command", "warehouse", "apply"]
    granted = "SELECT count(*) FROM pg_roles WHERE rolname IN ('analysts', 'stewards')"
    for failpoint, roles in (("access.statement", 0), ("access.before_commit", 0), ("access.committed", 2)):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PLATFORM_FAILPOINTS": f"{failpoint}=kill"}
        killed = subprocess.run(words, env=environment, capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert run(postgres_database, granted) == [(roles,)]
    settled()


@pytest.mark.slow
def test_a_view_of_somebody_else_is_left_alone(project: Project, postgres_database: str) -> None:
    run(postgres_database, "CREATE SCHEMA raw_masked", "CREATE VIEW raw_masked.customers AS SELECT 1 AS one")
    code, said = command("apply")
    assert code == 1
    assert "rename or drop it" in said
    assert run(postgres_database, "SELECT count(*) FROM pg_roles WHERE rolname = 'analysts'") == [(0,)]


def test_a_superuser_is_refused(project: Project) -> None:
    (project.root / "somebody/defs/access.yaml").write_text(ACCESS.replace("  analysts:\n", "  postgres:\n"))
    code, said = command("plan")
    assert code == 1
    assert "superuser" in said


@pytest.mark.slow
def test_writers_and_tables_that_come_later(project: Project, postgres_database: str) -> None:
    run(postgres_database, "CREATE SCHEMA marts", "CREATE TABLE marts.one AS SELECT 1 AS a")
    path = project.root / "somebody/defs/access.yaml"
    path.write_text(
        "roles:\n  analysts:\n    read: {schemas: [marts]}\n    write: {schemas: [marts]}\n"
        "  stewards:\n    read: {schemas: [marts]}\n    sees: all\n"
    )
    assert command("apply")[0] == 0
    settled()
    assert read(postgres_database, "analysts", "INSERT INTO marts.one VALUES (2)") == []
    assert read(postgres_database, "analysts", "CREATE TABLE marts.two (a int)") == []
    assert read(postgres_database, "stewards", "INSERT INTO marts.one VALUES (2)") == DENIED
    run(postgres_database, "CREATE TABLE marts.three AS SELECT 3 AS a")
    assert read(postgres_database, "stewards", "SELECT a FROM marts.three") == [(3,)]
    path.write_text("roles:\n  analysts:\n    read: {schemas: [raw]}\n")
    assert command("apply")[0] == 0
    settled()
    assert read(postgres_database, "stewards", "SELECT a FROM marts.three") == DENIED
    assert read(postgres_database, "analysts", "INSERT INTO marts.one VALUES (2)") == DENIED
