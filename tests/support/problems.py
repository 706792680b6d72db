"""What the error of a file with one mistake has to say."""

from __future__ import annotations

from pathlib import Path

from platform_assets.contracts.problems import InvalidFile
from platform_assets.failures import Kind


def check_mistake(error: InvalidFile, path: Path, expected: tuple[int, str, str]) -> None:
    """``expected`` are the line, or the one before it, the key, and words of the message."""
    line, key, words = expected
    (problem,) = error.problems
    assert (problem.file, problem.key) == (path, key)
    assert problem.line in (line, line + 1)
    assert words in problem.message
    assert error.failure.kind is Kind.MISCONFIGURED
