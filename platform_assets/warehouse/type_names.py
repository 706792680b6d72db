"""How engines spell the platform's types of columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from platform_assets.warehouse.errors import StatementFailed

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_ ,()\[\]\"]*")


def is_name_of_type(word: str) -> bool:
    """Whether a text can be the name of a type, and nothing else of a statement."""
    return _TYPE.fullmatch(word) is not None


@dataclass(frozen=True)
class TypeNames:
    """``names`` by the platform's words and their aliases, in upper case; exact numbers are of the type ``exact``.

    What the platform has no word for is passed on, ``spelled`` as the engine writes it.
    """

    names: Mapping[str, str]
    exact: str
    spelled: Callable[[str], str]

    def type_of(self, word: str) -> str:
        """The engine's type for a type of the platform; ``StatementFailed`` for what is no type at all."""
        if word.upper() in self.names:
            return self.names[word.upper()]
        digits = self.digits_of(word)
        if digits is not None:
            return f"{self.exact}({digits})"
        if is_name_of_type(word):
            return self.spelled(word)
        raise StatementFailed(f"{word!r} is not the name of a type")

    def digits_of(self, word: str) -> str | None:
        """Digits and decimal places of an exact number, such as `10,2`; None for another type."""
        found = re.fullmatch(rf"(?:DECIMAL|NUMERIC|{self.exact})\((\d+)(?:, ?(\d+))?\)", word, re.IGNORECASE)
        return f"{found[1]},{found[2] or 0}" if found is not None else None
