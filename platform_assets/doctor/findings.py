"""What a check has found: good, a warning, or wrong, each in one sentence, with what mends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from platform_assets.failures import Kind, failure_of


class State(StrEnum):
    """How a thing is."""

    GOOD = "good"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``said`` is what there is, ``mend`` what to do about it. Neither holds a secret."""

    state: State
    said: str
    mend: str = ""


@dataclass(frozen=True)
class Check:
    """Looks at one ``area`` of the configuration, such as ``landing``."""

    area: str
    look: Callable[[], Iterator[Finding]]

    def findings(self) -> Iterator[Finding]:
        """What it finds; an exception that ends it is one more finding."""
        try:
            yield from self.look()
        except Exception as error:
            yield of_error(error)


def good(said: str) -> Finding:
    return Finding(State.GOOD, said)


def warning(said: str, mend: str) -> Finding:
    return Finding(State.WARNING, said, mend)


def wrong(said: str, mend: str) -> Finding:
    return Finding(State.WRONG, said, mend)


def of_error(error: Exception) -> Finding:
    """What the error of the platform or the machine says, and what its kind asks for."""
    failure = failure_of(error)
    if failure.kind is Kind.BUG and (message := getattr(error, "message", "")):
        # click's exceptions are written for users
        return wrong(one_line(message), "correct what it names")
    if failure.kind is Kind.BUG:
        # an error of a library that was given a wrong word, more often than one of the platform
        return wrong(f"{type(error).__name__}: {one_line(str(error))[:300]}", "correct what it names")
    mend = "correct what it names" if failure.kind is Kind.MISCONFIGURED else failure.next_step
    return wrong(one_line(failure.message), mend)


def one_line(text: str) -> str:
    """A text on one line, without the password that a URL in it may have."""
    return re.sub(r"(\w+://[^\s:/@]*):[^\s/@]+@", r"\1:***@", " ".join(text.split()))
