"""Whatever is typed: the answer is a message of a line or two and exit code 1 or 2, never a stack trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse

ODD = [
    "中" * 300,
    "a" * 5000,
    "../../nowhere/at all",
    "",
    "a\nb",
    "\x1b[31m",
    "%",
    "~",
    "-",
    "\udcff\udcfe",
    "x" * 200 + "/y",
]
COMMANDS = [
    ("quarantine", "show", "orders", "{}"),
    ("quarantine", "show", "{}", "2024-01-01"),
    ("quarantine", "list", "{}"),
    ("quarantine", "list", "--lake", "{}"),
    ("quarantine", "show", "orders", "2024-01-01", "--quarantine", "{}"),
    ("quarantine", "purge", "{}", "--older-than", "1"),
    ("quarantine", "purge", "--older-than", "{}"),
    ("ledger", "show", "raw/t", "--partition", "{}"),
    ("ledger", "show", "{}"),
    ("ledger", "show", "raw/t", "--warehouse", "{}"),
    ("contract", "check", "{}"),
    ("contract", "infer", "{}"),
    ("dbt", "sources", "--contracts", "{}"),
    ("dbt", "lint", "--project", "{}"),
]


@pytest.fixture(name="environment")
def _environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "lake").mkdir()
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb").session() as session:
        session.execute("CREATE TABLE t (i INTEGER)")
    return {"PLATFORM_HOME": str(tmp_path), "PLATFORM_ENV": "test"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("odd", ODD, ids=[ascii(odd[:12]) for odd in ODD])
def test_odd_arguments(environment: dict[str, str], command: tuple[str, ...], odd: str) -> None:
    words = [word.replace("{}", odd) for word in command]
    result = CliRunner().invoke(main, words, env=environment)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert "Traceback" not in result.output
    assert len(result.output) < 20_000
    if result.exit_code:
        assert result.output.startswith(("Error:", "Usage:")) or "\nError:" in result.output


@pytest.mark.parametrize("value", ["nowhere", ""])
def test_an_environment_that_is_none(value: str) -> None:
    result = CliRunner().invoke(main, ["ledger", "show", "raw/t"], env={"PLATFORM_ENV": value})
    assert result.exit_code == 1
    assert "PLATFORM_ENV" in result.output


def test_bytes_that_are_no_text_in_a_real_shell(environment: dict[str, str]) -> None:
    words = [sys.executable, "-m", "platform_assets.cli.main", "ledger", "show", b"raw/\xff\xfe"]
    done = subprocess.run(words, env={**os.environ, **environment}, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"Error: ")
