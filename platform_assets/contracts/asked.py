"""What a feed's defs.yaml says to the reading of its contract."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """Which of several schemas is meant, how files are named, and their format where it is said outside the contract.

    Without ``for_feed`` a contract is only looked at: what it leaves to defs.yaml is no problem of its own.
    """

    schema: str | None = None
    files: str | None = None
    format: str | None = None
    for_feed: bool = True
