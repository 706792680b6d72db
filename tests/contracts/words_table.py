"""The table of docs/contracts_words.md, written from the code by `make words`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pydantic
from open_data_contract_standard import model as standard

from platform_assets.contracts.column_options import NOT_CARRIED_OUT, OPTIONS, STRING_FORMATS, TIME_OPTIONS
from platform_assets.contracts.library_words import LIBRARY, OLD
from platform_assets.contracts.logical_types import LogicalType
from platform_assets.contracts.words import WORDS, Word

PAGE = Path(__file__).parents[2] / "docs" / "contracts_words.md"
BEGIN, END = "<!-- made from the code by `make words` -->\n", "<!-- end -->\n"
TITLES = {
    "OpenDataContractStandard": "The contract", "SchemaObject": "`schema[]`", "SchemaProperty": "`properties[]`",
    "DataQuality": "`quality[]`", "Relationship": "`relationships[]`", "EnumValue": "`enum[]`",
    "Description": "`description`", "Server": "`servers[]`", "Team": "`team`", "TeamMember": "`team.members[]`",
    "ServiceLevelAgreementProperty": "`slaProperties[]`", "CustomProperty": "`customProperties[]`",
}  # fmt: skip


def models() -> dict[str, Any]:
    """Every model of the standard, by its name."""
    found = inspect.getmembers(standard, inspect.isclass)
    return {
        name: kind
        for name, kind in found
        if issubclass(kind, pydantic.BaseModel) and kind.__module__ == standard.__name__
    }


def fields(name: str) -> list[str]:
    return list(models()[name].model_fields)


def table() -> str:
    """All words of the standard, a table for each of its parts."""
    parts = []
    for name, words in WORDS.items():
        rows = [_row(field, words[field]) for field in fields(name)]
        parts.append("\n".join([f"### {TITLES[name]}", "", "| word | what becomes of it |", "|---|---|", *rows, ""]))
    others = [
        f"`{name}` ({', '.join(word.rstrip('_') for word in fields(name))})" for name in models() if name not in WORDS
    ]
    parts.append(
        "### Others\n\nKept as they are, with the word that they stand in: " + "; ".join(sorted(others)) + ".\n"
    )
    parts.append(_options())
    names = ", ".join(f"`{name}`" for name in LIBRARY)
    old = ", ".join(f"`{before}` (`{today}`)" for before, today in OLD.items())
    parts.append(f"### Metrics of `type: library`\n\nCarried out: {names}. In the words of 3.0, as `rule`: {old}.\n")
    return "\n".join(parts)


def _row(field: str, word: Word) -> str:
    return f"| `{field.rstrip('_')}` | {word.treatment}: {word.meaning} |"


def _options() -> str:
    rows = []
    for kind, known in OPTIONS.items():
        shown = "object, array, map" if kind is LogicalType.JSON else str(kind)
        rows.append(f"| `{shown}` | {', '.join(f'`{word}`' for word in sorted(known)) or 'none'} |")
    rows.append("| `time` | its form is checked; the options are reported |")
    reported = ", ".join(f"`{word}`" for word in sorted(NOT_CARRIED_OUT))
    formats = ", ".join(f"`{word}`" for word in sorted(STRING_FORMATS))
    return "\n".join(
        ["### `logicalTypeOptions`", "", "| type | carried out |", "|---|---|", *rows, "",
         f"Reported: {reported}, and `format` of numbers that is no width of integers. Formats of strings: {formats};",
         f"others are reported. Options of `time`: {', '.join(f'`{word}`' for word in sorted(TIME_OPTIONS))}.", ""]
    )  # fmt: skip


def written(page: str) -> str:
    """The page with the table of now."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
