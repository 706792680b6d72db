"""Scratch folders: closed to others, gone after use, and after a killed process with the next one."""

from __future__ import annotations

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from platform_assets.stores.scratch import scratch_folder

CHILD = """
import sys
from platform_assets.stores.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "personal").write_text("a value")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_it_is_closed_to_others_and_gone_afterwards() -> None:
    with scratch_folder() as folder, scratch_folder() as other:
        (folder / "a").write_text("x")
        assert folder != other
        assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert not folder.exists()
    assert not other.exists()


def test_what_a_killed_process_left_goes_with_the_next() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout is not None
        left = Path(child.stdout.readline().strip())
        with scratch_folder():
            assert (left / "personal").exists(), "its process is alive"
        child.kill()
        child.wait()
        assert (left / "personal").exists()
        with scratch_folder():
            assert not left.exists()


def test_a_name_that_another_has_taken_is_not_used(tmp_path: Path) -> None:
    with scratch_folder() as folder:
        home = folder.parent
    home.chmod(0o777)
    with scratch_folder() as folder:
        assert folder.parent != home
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
