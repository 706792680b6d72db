"""What a receiver says in the header Retry-After."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST = 3600.0
"""Seconds that are waited at most, whatever a receiver asks for."""


def seconds_of(headers: Mapping[str, str]) -> float | None:
    """The seconds to wait; None where nothing, or nothing that is a number, is said."""
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(said), LONGEST) if said.isascii() and said.isdigit() else None
