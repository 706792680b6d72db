"""A check of files that nobody has touched is not made again; anything that it rests on makes it anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from platform_assets.cli import kept_answers
from platform_assets.cli.main import main

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: feed
version: 1.0.0
servers: [{server: s, type: local, path: x, format: csv}]
schema: [{name: feed, properties: [{name: n, logicalType: integer}, {name: t, logicalType: string, tags: [pii]}]}]
"""
JUDGED = "platform_assets.cli.contract.read_document"


def check(path: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["contract", "check", str(path), *words])


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    (tmp_path / "feed").mkdir()
    path = tmp_path / "feed" / "contract.yaml"
    path.write_text(CONTRACT)
    return path


@pytest.fixture(name="judged")
def _judged(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were judged and not answered from what is kept."""
    import platform_assets.cli.contract as command

    read, files = command.read_document, []
    monkeypatch.setattr(JUDGED, lambda file: files.append(file) or read(file))
    return files


def test_an_answer_is_given_again_in_its_own_words(file: Path, judged: list[Path]) -> None:
    first, second = check(file.parent), check(file.parent)
    assert (first.exit_code, second.exit_code, first.output) == (0, 0, second.output)
    assert "1 contract: 1 good" in first.output
    assert "warning" in first.output
    assert judged == [file]


def test_what_it_rests_on_makes_it_anew(file: Path, judged: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(file.parent).exit_code == 0
    monkeypatch.setenv("PLATFORM_PERSONAL_DATA", "strict")
    assert check(file.parent).exit_code == 1
    monkeypatch.delenv("PLATFORM_PERSONAL_DATA")
    file.write_text(CONTRACT.replace("integer", "number"))
    assert check(file.parent).exit_code == 0
    (file.parent / "defs.yaml").write_text("type: platform_assets.FileFeed\n")
    assert check(file.parent).exit_code == 0
    assert len(judged) == 4


def test_what_is_wrong_is_judged_each_time(file: Path, judged: list[Path]) -> None:
    file.write_text(CONTRACT.replace("integer", "intger"))
    assert [check(file.parent).exit_code for _ in range(2)] == [1, 1]
    assert len(judged) == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", None])
def test_a_cache_that_is_damaged_or_closed_costs_time_only(
    file: Path, judged: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    home = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    if content is None:
        home.write_text("a file in the place of a folder")
    else:
        check(file.parent)
        (kept,) = (home / "platform-assets" / "answers").iterdir()
        kept.write_bytes(content)
        judged.clear()
    again = check(file.parent)
    assert (again.exit_code, len(judged)) == (0, 1)
    assert "1 contract: 1 good" in again.output


def test_few_answers_are_kept(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_answers, "MOST", 3)
    for number in range(5):
        file.write_text(f"{CONTRACT}# {number}\n")
        check(file.parent)
    assert len(list((tmp_path / "cache/platform-assets/answers").iterdir())) == 3


def test_a_kept_answer_needs_none_of_what_judged_it(file: Path, tmp_path: Path) -> None:
    script = f"""
import sys
from platform_assets.cli.main import main
try:
    main(["contract", "check", {str(file)!r}])
except SystemExit as end:
    assert not end.code, end.code
print("judged" if "open_data_contract_standard" in sys.modules else "kept")
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", script]
    ends = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        for _ in range(2)
    ]
    assert ends == ["judged", "kept"]
