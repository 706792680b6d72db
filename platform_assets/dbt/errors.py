"""Whether the error that dbt has of a node is the node's own fault, or the machine's under it.

dbt tells an error as a text: its own kind first (`Compilation Error in model a`), then what the warehouse said. Only
what a model, a test or the data can cause may become a verdict; all else says nothing about them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_COMPILED = re.compile(r"\A\s*(Compilation|Parsing|Dependency|Validation|Contract) Error\b")
_OF_DBT = re.compile(r"\A\s*(Runtime|Database) Error\b")

_FIRST_LINE = re.compile(r"\s*\w+ Error in \w+ \S+.*\n")
_NO_NUMBER = re.compile(r"\bis not of type 'integer'\s+Failed validating .*'failures'", re.DOTALL)
_OF_VALUES = re.compile(
    r"\b(Conversion|Constraint|Invalid Input|Mismatch Type|Out of Range) Error\b|"
    r"invalid input|out of range|DETAIL:|is not recognized|[Ff]ailed to cast"
)
"""Where a warehouse begins to quote a value of a row."""
_QUOTED = re.compile(r"[\"'][\s\S]*[\"']|(?<=with value ).*|(?<=DETAIL:)[\s\S]*")
"""From the first quote to the last one: a value may have quotes and lines in it."""


def without_values(message: str) -> str:
    """dbt's message without what a warehouse quotes of rows in it: it ends in the ledger, in events and in logs."""
    if not _OF_VALUES.search(message):
        return message
    first = _FIRST_LINE.match(message)
    start = first.end() if first else 0
    return message[:start] + _QUOTED.sub("...", message[start:])


def gave_no_number(message: str) -> bool:
    """Whether the error is that a test's `fail_calc` gave null, or no whole number."""
    return bool(_NO_NUMBER.search(message))


def is_of_the_node(message: str, blames_statement: Callable[[str], bool | None]) -> bool:
    """Whether the node is at fault for ``message``.

    ``blames_statement`` is the warehouse's view of a text: whether a statement or its data caused it, or None where
    the warehouse does not know the text as one of its errors.
    """
    if _COMPILED.search(message) or gave_no_number(message):
        return True
    blamed = blames_statement(message)
    return bool(_OF_DBT.search(message)) if blamed is None else blamed
