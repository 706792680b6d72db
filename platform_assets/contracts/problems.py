"""What can be wrong with a contract, and how it is reported.

What does not belong here: deciding that something is wrong. The reader's modules do that and add to a
:class:`Findings`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from platform_assets.failures import Kind, PlatformError


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: ``line`` is 1-based, ``key`` is the dotted path in the file, such as ``schema[0].name``."""

    file: Path
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key or '(document)'}: {self.message}"


class InvalidFile(PlatformError):
    """A file that cannot be used; ``problems`` holds every mistake found, each with file, line and key."""

    kind = Kind.MISCONFIGURED
    code = "file"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class ContractError(InvalidFile):
    """A contract that cannot be used; ``problems`` holds every mistake found, not only the first."""

    code = "contract"


def suggestion(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` when a known word is close to ``word``, else the empty string."""
    candidates = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), candidates, n=1, cutoff=0.6)
    return f"; did you mean {candidates[close[0]]!r}?" if close else ""


Path_ = tuple["str | int", ...]


def dotted(path: Path_) -> str:
    """``("schema", 0, "name")`` as ``schema[0].name``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass
class Findings:
    """Problems (the contract is refused) and notes (a rule that is reported but not carried out) of one file.

    ``lines`` maps a path in the document to its line. ``written`` is the SQL that the contract's author wrote, each
    with its place. ``undecided`` is personal data without a protection.
    """

    file: Path
    lines: dict[Path_, int]
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: list[tuple[Path_, str]] = field(default_factory=list)
    undecided: list[Problem] = field(default_factory=list)

    def line(self, path: Path_) -> int:
        """The line of ``path``, or of the nearest thing around it that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: Path_, message: str) -> None:
        self.problems.append(Problem(self.file, self.line(path), dotted(path), message))

    def undecide(self, path: Path_, message: str) -> None:
        """Add something that the contract's author has to decide; whether it is a problem says the deployment."""
        found = Problem(self.file, self.line(path), dotted(path), message)
        if found not in self.undecided:
            self.undecided.append(found)

    def note(self, path: Path_, message: str) -> None:
        self.notes.append(f"{self.file}:{self.line(path)}: {dotted(path)}: {message}")
