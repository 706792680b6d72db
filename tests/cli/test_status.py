"""`platform-assets status` on a project's own assets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main


@pytest.mark.parametrize("words", [["--json"], [], ["--html", "page.html"]], ids=["json", "table", "page"])
def test_every_asset_is_shown(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    page = tmp_path / "page.html"
    done = CliRunner().invoke(main, ["status", *(str(page) if word == "page.html" else word for word in words)])
    assert done.exit_code == 0, done.output
    shown = page.read_text() if "--html" in words else done.output
    assert "published/route_statistics" in shown
    if "--json" in words:
        lines = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
        assert {line["asset"] for line in lines} >= {"raw/flights", "raw/weather"}
