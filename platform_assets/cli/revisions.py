"""Files of a git repository as they were at a revision."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Base:
    """The commit that is compared with: its full hash, and how it was chosen."""

    commit: str
    chosen: str


def base_of(root: Path, against: str | None) -> Base:
    """The commit that ``against`` names; by default the merge base with the main branch.

    Where only uncommitted changes differ from it, that is HEAD. Raises click.ClickException.
    """
    if against is not None:
        found = _commit(root, against)
        if found is None:
            raise click.ClickException(
                f"{against!r} is no revision of {root}: name a commit, branch or tag that is there; a checkout of CI "
                "needs the whole history (fetch-depth: 0)"
            )
        return Base(found, f"named {against}")
    head = _commit(root, "HEAD")
    if head is None:
        raise click.ClickException(f"{root} has no commit yet: there is no earlier state to compare with")
    remote = _asked(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    for branch in (*([remote] if remote else []), "origin/main", "origin/master", "main", "master"):
        if _commit(root, branch) is None:
            continue
        base = _asked(root, "merge-base", "HEAD", branch)
        if base is None:
            raise click.ClickException(
                f"HEAD and {branch} have no commit in common here: fetch the whole history (fetch-depth: 0), or name a "
                "revision with --against"
            )
        return Base(head, "HEAD") if base == head else Base(base, f"merge base with {branch}")
    if _asked(root, "rev-parse", "--is-shallow-repository") == "true":
        raise click.ClickException(
            f"{root} has neither a branch main or master nor its whole history: fetch it (fetch-depth: 0), or name a "
            "revision with --against"
        )
    return Base(head, "HEAD; there is no branch main or master")


def is_at(root: Path, commit: str, path: str) -> bool:
    """Whether a file or folder, by its path below the root, was there at a commit."""
    return _asked(root, "cat-file", "-t", f"{commit}:{'' if path == '.' else path}") is not None


def check_out(root: Path, commit: str, paths: Sequence[str], into: Path) -> None:
    """Write ``paths`` as they were at ``commit`` into a folder; the repository and its working tree stay as they are.

    Raises click.ClickException.
    """
    folder = (git(root, "rev-parse", "--absolute-git-dir") or "").strip()
    into.mkdir(parents=True)
    # neither a hook nor a sparse checkout of the repository's own is to be followed
    settings = ["-c", "core.hooksPath=/dev/null", "-c", "core.sparseCheckout=false"]
    words = [*settings, f"--git-dir={folder}", f"--work-tree={into}", "checkout", "--quiet", commit, "--"]
    with tempfile.TemporaryDirectory() as index:
        environment = {"GIT_INDEX_FILE": str(Path(index) / "index")}
        git(root, *words, *(f":(top,literal){path}" for path in paths), environment=environment)


def _commit(root: Path, revision: str) -> str | None:
    return _asked(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")


def _asked(root: Path, *arguments: str) -> str | None:
    """The answer of git, or None if it has none."""
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def git(
    folder: Path, *arguments: str, missing_ok: bool = False, environment: Mapping[str, str] | None = None
) -> str | None:
    """What git prints; None where ``missing_ok`` and the file is not there. Raises click.ClickException."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})},
    )  # fmt: skip
    if done.returncode == 0:
        return done.stdout
    if missing_ok and ("exists on disk, but not in" in done.stderr or "does not exist in" in done.stderr):
        return None
    command = next(word for word in arguments if not word.startswith("-") and "=" not in word)
    said = done.stderr.strip().splitlines()
    raise click.ClickException(f"git {command}: {said[-1] if said else 'failed'}")
