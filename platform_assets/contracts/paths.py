"""Where in a JSON document the values of a column are, and of which array each item is a row.

A contract says both with the custom property ``path``: `patient.address.zip` of a column, `lines[]` of the schema.
"""

from __future__ import annotations

from typing import Any

from platform_assets.contracts.model import Column, Contract, FileKind
from platform_assets.contracts.problems import Findings, Path_

DOCUMENT, ITEM, INDEX = "$", "@", "@index"
"""First steps of a column's path in a feed of items: the whole document, the item itself, and its place from 1 on."""
Given = tuple[Any, Path_] | None


def read_column_path(given: Given, findings: Findings) -> tuple[str, ...]:
    """The steps to a column's value; none where the column has no path."""
    if given is None:
        return ()
    text, path = given
    steps = text.split(".") if isinstance(text, str) else []
    wrong = not all(steps) or any(step.endswith("[]") for step in steps) or INDEX in steps[1:] or ITEM in steps[1:]
    if not steps or wrong or steps == [DOCUMENT]:
        findings.problem(path, f"path must be names with dots between them, such as patient.address.zip, not {text!r}")
        return ()
    return tuple(steps)


def read_rows_path(given: Given, findings: Findings) -> tuple[str, ...]:
    """The steps to the array, or arrays in arrays, whose items are the rows; ``*`` stands for each item."""
    if given is None:
        return ()
    text, path = given
    steps: list[str] = []
    for part in text.split(".") if isinstance(text, str) else []:
        name = part.rstrip("[]")
        steps += [name, *["*"] * part.count("[]")]
        if not name or part != name + "[]" * part.count("[]"):
            steps = []
            break
    if not steps or steps[-1] != "*":
        findings.problem(path, f"path of a schema must be that of an array, such as lines[], not {text!r}")
        return ()
    return tuple(steps)


def check_paths(contract: Contract, path: Path_, findings: Findings) -> None:
    """Report paths where there are no documents, and those that only items can have."""
    lifted = [column for column in contract.columns if column.path]
    if (lifted or contract.rows_path) and contract.format.kind is not FileKind.JSONL:
        findings.problem(path, f"a path is for JSON lines; the format is {contract.format.kind}")
    for column in lifted:
        if not contract.rows_path and column.path[0] in (ITEM, INDEX):
            findings.problem(path, f"column {column.name!r}: {column.path[0]} needs a schema whose rows are items")


def key_of(column: Column) -> str:
    """The key of the document, or of the item, that a column's value is under."""
    return column.path[0] if column.path else column.source_name
