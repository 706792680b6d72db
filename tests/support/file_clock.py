"""Waiting until a file system stamps changes with a later time, instead of for a time that probably suffices."""

from __future__ import annotations

import time
from pathlib import Path


def wait_for_later_stamp(folder: Path) -> None:
    """Return once a change in ``folder``'s file system has a later ctime than all changes before this call.

    The clock of a file system moves in steps, some of several milliseconds. The probe is hidden, and gone afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".probe"
    probe.touch()
    before = probe.stat().st_ctime_ns
    until = time.monotonic() + 60
    while probe.stat().st_ctime_ns <= before:
        assert time.monotonic() < until, f"the clock of the file system of {folder} stands still"
        probe.touch()
    while time.time_ns() <= before:
        assert time.monotonic() < until, f"the file system of {folder} is ahead of this machine's clock"
    probe.unlink()
