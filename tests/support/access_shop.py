"""A shop with classified columns and an access file, and what a role of its PostgreSQL can really read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from tests.support.projects import RESOURCES, Project, opened, write_project
from tests.support.shop import CONTRACT, FEED

ODD = 'the "odd"; one\'s'
COLUMNS = """\
      - {name: id, logicalType: integer, description: Number of the customer.}
      - {name: email, logicalType: string, classification: Personal,
         customProperties: [{property: protection, value: none}]}
      - {name: income, logicalType: integer, classification: confidential,
         customProperties: [{property: protection, value: none}]}
      - {name: "odd \\" name", logicalType: string}
      - {name: token, logicalType: string, classification: personal,
         customProperties: [{property: protection, value: hash}]}
"""
ACCESS = """\
roles:
  analysts:
    description: People who count.
    read: {schemas: [raw]}
  auditors:
    read: {assets: raw/customers}
    sees: [personal]
  stewards:
    read: {schemas: [raw, published]}
    sees: all
  'the "odd"; one''s':
    read: {schemas: [raw]}
    sees: [confidential]
"""
ROLES = ("analysts", "auditors", "stewards", ODD)
ROW = "7,ann@there,1000,x,secret\n"


def access_shop(tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    root = tmp_path / "project"
    monkeypatch.setenv("PLATFORM_PSEUDONYM_KEY", "0123456789abcdef")
    write_project(
        root,
        {
            "platform/defs.yaml": RESOURCES.replace("data/warehouse.duckdb", location),
            "customers/defs.yaml": FEED.format(files="customers.csv"),
            "customers/contract.yaml": CONTRACT.format(name="customers", columns=COLUMNS),
            "access.yaml": ACCESS,
        },
    )
    monkeypatch.chdir(root)
    with opened(root) as project:
        project.landing.mkdir(parents=True)
        (project.landing / "customers.csv").write_text('id,email,income,"odd "" name",token\n' + ROW)
        load(root, project)
        yield project


def load(root: Path, project: Project) -> None:
    """Everything that is delivered, under the contracts as they are now."""
    fresh = Project(root, project.instance)
    assert fresh.run("key:lake/customers or key:raw/customers").success


def drop_roles(url: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for role in (*ROLES, "renamed", "somebody_else"):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchall():
                name = '"' + role.replace('"', '""') + '"'
                cursor.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def command(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(main, ["warehouse", *words])
    assert not found.exception or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


def settled() -> None:
    """Nothing is left to be done."""
    code, said = command("plan", "--detailed-exitcode")
    assert (code, "nothing to do" in said) == (0, True), said
    code, said = command("apply")
    assert (code, "nothing to do" in said) == (0, True), said


def read(url: str, role: str, sql: str) -> Any:
    """What a role gets for a statement: its rows, or the SQLSTATE of the refusal."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {psycopg2.extensions.quote_ident(role, connection)}")
        try:
            cursor.execute(sql)
        except psycopg2.Error as error:
            return error.pgcode
        return cursor.fetchall() if cursor.description else []


def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
