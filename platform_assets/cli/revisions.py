"""Files of a git repository as they were at a revision."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click


def root_of(path: Path) -> Path:
    """The root of the repository that ``path`` lies in. Raises click.ClickException if it lies in none."""
    start = path.resolve()
    while not start.is_dir():
        start = start.parent
    text = git(start, "rev-parse", "--show-toplevel")
    return Path((text or "").strip()).resolve()


def text_at(path: Path, revision: str) -> str | None:
    """A file as it was at ``revision``; None if it was not there. Raises click.ClickException."""
    root = root_of(path)
    return git(root, "show", f"{revision}:{path.resolve().relative_to(root)}", missing_ok=True)


def git(folder: Path, *arguments: str, missing_ok: bool = False) -> str | None:
    """What git prints; None where ``missing_ok`` and the file is not there. Raises click.ClickException."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    if missing_ok and ("exists on disk, but not in" in done.stderr or "does not exist in" in done.stderr):
        return None
    raise click.ClickException(
        f"git {arguments[0]}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}"
    )
