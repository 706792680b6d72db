"""Lines of one flat shape as rows of the working copy, without a document for each of them.

What one program writes mostly has the same keys in the same order on each line. One regular expression then knows the
line in full: the keys, numbers in JSON's grammar, texts in which nothing is escaped. What it matches is one JSON object
by the rules of ``strict``, with values that can be told by their characters, and its fields are written as they stand.
Every other line is left to be read as a document.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any

from platform_assets.contracts.model import Column, Contract, LogicalType
from platform_assets.formats.json.writing import NUMBERS

TEXT = r'"[^"\\\x00-\x1f]*+"'
NUMBER = r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+"
TRUTH = "true|false"
SPACES = (("", ""), (" ", " "), (" *+", " *+"))
"""What stands behind a colon and a comma, and at the braces if that is a pattern."""
NUMERIC = (LogicalType.INTEGER, LogicalType.NUMBER)
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
"""A key that is written as it is."""
OTHERS = 2
"""A template is left when more than one line in this many is of another shape ..."""
ATTEMPTS = 20
"""... and none is made any more after this many."""
LOOKED_AT = 50
"""Documents of a block that are looked at for the kinds of their values."""


class Template:
    """Rows of lines whose keys are those of ``kinds``, in this order, with values of the kinds that each has."""

    def __init__(self, kinds: dict[str, set[type]], contract: Contract, sample: str) -> None:
        columns = {column.source_name: column for column in contract.columns}
        values = {key: _value(columns.get(key), kinds[key]) for key in kinds}
        absent = [name for name in columns if name not in kinds]
        for colon, comma in SPACES:
            edge = colon if "*" in colon else ""
            pairs = f"{edge},{comma}".join(f'"{re.escape(key)}"{edge}:{colon}{value}' for key, value in values.items())
            line = rf"\{{{edge}{pairs}{edge}\}}{'()' * len(absent)}\r?+(?:\n|\Z)"
            if re.match(line, sample):
                break
        # the last group is any other line, its end included
        self._find = re.compile(rf"^(?:{line}|([^\n]++\n?+|\n))", re.MULTILINE).findall
        places = {name: place for place, name in enumerate([*(key for key in kinds if key in columns), *absent])}
        self._order = itemgetter(len(places), *(places[name] for name in columns))

    def rows(self, block: str) -> tuple[list[str], list[int]]:
        """Each line as a row without its number, and the places of those that are of another shape."""
        found = self._find(block)
        others = [at for at, groups in enumerate(found) if groups[-1]]
        return list(map(",".join, map(self._order, found))), others


class Templates:
    """The templates of files of one contract, made of the documents in them."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._columns = {column.source_name: column for column in contract.columns}
        self._kinds: dict[str, set[type]] = {}
        self._sample = ""
        self._left = ATTEMPTS
        self._template: Template | None = None

    @property
    def shape(self) -> tuple[str, ...]:
        """The keys of the lines that the template is of."""
        return tuple(self._kinds)

    def template(self) -> Template | None:
        """The one for the next block, if one is known."""
        if self._template is None and self._kinds and self._left > 0:
            self._left -= 1
            self._template = Template(self._kinds, self._contract, self._sample)
        return self._template

    def learn(self, documents: Sequence[dict[str, Any]], sample: bytes, lines: int) -> None:
        """Learn from documents, the first of which was ``sample``; they were all that no template fits of ``lines``."""
        if not documents or self._left <= 0:
            return
        if len(documents) * OTHERS > lines:
            self._template, self._kinds = None, {}
            shape = tuple(documents[0])
            if self._fits(shape):
                self._kinds, self._sample = {key: set() for key in shape}, sample.decode("utf-8", "replace")
        shape = self.shape
        for document in documents[:LOOKED_AT] if shape else ():
            if tuple(document) == shape:
                for key, known in self._kinds.items():
                    kind = type(document[key])
                    if kind not in known and kind not in (dict, list):
                        known.add(kind)
                        self._template = None

    def _fits(self, shape: Collection[str]) -> bool:
        """Whether lines with these keys can be rows, and told without documents."""
        columns = self._columns
        return (
            bool(shape)
            and not any(column.path for column in columns.values())
            and all(map(PLAIN.fullmatch, shape))
            and (self._contract.extra_columns or columns.keys() >= {*shape})
            and not any(key in columns and columns[key].type is LogicalType.JSON for key in shape)
        )


def _value(column: Column | None, kinds: Collection[type]) -> str:
    """A value of the kinds, as far as the column takes them, captured if it is not null."""
    numbers = any(kind in NUMBERS for kind in kinds)
    taken = [TEXT] if str in kinds or not kinds else []
    if numbers and (column is None or (column.type in NUMERIC and column.decimal_separator == ".")):
        taken.append(NUMBER)
    if bool in kinds and (column is None or column.type is LogicalType.BOOLEAN):
        taken.append(TRUTH)
    found = f"({'|'.join(taken)})" if taken else "((?!))"
    if column is None:
        return found.replace("(", "(?:", 1) if type(None) not in kinds else f"(?:{'|'.join([*taken, 'null'])})"
    return found if type(None) not in kinds else f"(?:{found}|null)"
