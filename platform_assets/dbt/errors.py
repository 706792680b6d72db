"""Whether the error that dbt has of a node is the node's own fault, or the machine's under it.

dbt tells an error as a text: its own kind first (`Compilation Error in model a`), then what the warehouse said. Only
what a model, a test or the data can cause may become a verdict; all else says nothing about them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_COMPILED = re.compile(r"\A\s*(Compilation|Parsing|Dependency|Validation|Contract) Error\b")
_OF_DBT = re.compile(r"\A\s*(Runtime|Database) Error\b")


def is_of_the_node(message: str, blames_statement: Callable[[str], bool | None]) -> bool:
    """Whether the node is at fault for ``message``.

    ``blames_statement`` is the warehouse's view of a text: whether a statement or its data caused it, or None where
    the warehouse does not know the text as one of its errors.
    """
    if _COMPILED.search(message):
        return True
    blamed = blames_statement(message)
    return bool(_OF_DBT.search(message)) if blamed is None else blamed
