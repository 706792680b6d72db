"""What a rule that fails does: of its own, for the ledger has it in its lines and needs nothing else of contracts."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """``ERROR`` blocks publishing; ``WARNING`` is reported and blocks nothing."""

    ERROR = "error"
    WARNING = "warning"
