"""Who has a file open for writing, and that of another user's file nothing is known without the right to ask."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

import pytest

from platform_assets.landing.writers import is_open_for_writing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases are of Linux alone")
NOBODY = 65534


def test_a_file_is_open_while_its_writer_has_it(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w"):
        assert is_open_for_writing(tmp_path / "file") is True
    assert is_open_for_writing(tmp_path / "file") is False


def test_what_is_no_file_is_not_known(tmp_path: Path) -> None:
    assert is_open_for_writing(tmp_path / "file") is None


def _as_somebody_else(path: Path, answer: multiprocessing.SimpleQueue[bool | None]) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    answer.put(is_open_for_writing(path))


def test_a_file_of_another_user_is_not_known(tmp_path: Path) -> None:
    """Root makes a file and asks as nobody; everybody else asks for one of root's."""
    context = multiprocessing.get_context("fork")
    answer = context.SimpleQueue()
    # not below the folder of the test, which nobody else may enter
    with tempfile.NamedTemporaryFile() as made:
        Path(made.name).chmod(0o644)
        path = Path(made.name) if os.geteuid() == 0 else Path("/etc/passwd")
        child = context.Process(target=_as_somebody_else, args=(path, answer))
        child.start()
        child.join()
    assert child.exitcode == 0
    assert answer.get() is None
