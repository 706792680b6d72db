"""The pattern that tells a feed's files from others, and what a path says of its partition.

A pattern such as `flights/%Y/flights_%Y-%m-%d*.csv.gz` is matched against paths relative to the landing folder:
`*` stands for anything but a slash, `{key}` for the key of a static or dynamic partition, `{csv,csv.gz}` for one of
several texts, `%Y` and its like for parts of a time. No file is looked at here; that is the business of ``arrivals``.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from platform_assets.failures import Kind, PlatformError

_TIME_TOKENS = {
    "Y": r"\d{4}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "H": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "y": r"\d{2}",
    "j": r"\d{3}",
    "G": r"\d{4}",
    "V": r"\d{2}",
    "u": r"[1-7]",
    "z": r"(?:[+-]\d{4}|Z)",
}
_TOKEN = re.compile(r"%(.)|(\{key\})|(\*)|\{([^{}%*/]*,[^{}%*/]*)\}|([^%{*]+|\{)")


def composed(text: str) -> str:
    """The text with each letter and its marks as one sign where there is one (NFC); macOS writes names otherwise."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def sure_start(text: str) -> str:
    """How every text begins that is the same as ``text`` but for the form of its letters."""
    if text.isascii():
        return text
    text = composed(text)
    other = (at for at, sign in enumerate(text) if unicodedata.normalize("NFD", sign) != sign)
    return text[: next(other, len(text))]


class PatternError(PlatformError, ValueError):
    """The pattern in defs.yaml cannot be read; the message says which part and what is allowed."""

    kind = Kind.MISCONFIGURED
    code = "pattern"


@dataclass(frozen=True)
class NameMatch:
    """What a path said of its partition: a time (with or without an offset), or a key, or neither."""

    time: dt.datetime | None = None
    key: str | None = None


@dataclass(frozen=True)
class ArrivalPattern:
    """A pattern for paths below the landing folder.

    Letters with marks are the same in either form of Unicode, in the pattern and in paths; what is read of a path is in
    the composed one (NFC).
    """

    pattern: str

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The pattern as a regular expression over the whole relative path; repeated tokens must agree."""
        parts: list[str] = []
        seen: set[str] = set()
        for match in _TOKEN.finditer(composed(self.pattern)):
            directive, key, star, texts, literal = match.groups()
            if directive == "%":
                parts.append("%")
            elif directive:
                if directive not in _TIME_TOKENS:
                    allowed = " ".join(f"%{t}" for t in _TIME_TOKENS)
                    raise PatternError(
                        f"files: {self.pattern!r}: %{directive} is not known; use {allowed}, {{key}} or *"
                    )
                again = directive in seen
                parts.append(f"(?P=t{directive})" if again else f"(?P<t{directive}>{_TIME_TOKENS[directive]})")
                seen.add(directive)
            elif key:
                parts.append("(?P=key)" if "key" in seen else "(?P<key>[^/]+?)")
                seen.add("key")
            elif texts is not None:
                # the longest first, as the first that fits is taken
                ordered = sorted(texts.split(","), key=len, reverse=True)
                parts.append(f"(?:{'|'.join(map(re.escape, ordered))})")
            else:
                parts.append("[^/]*" if star else re.escape(literal))
        if self.pattern.startswith("/") or ".." in Path(self.pattern).parts:
            raise PatternError(f"files: {self.pattern!r} must be relative to the landing folder and stay inside it")
        if "key" in seen and len(seen) > 1:
            raise PatternError(f"files: {self.pattern!r} has both {{key}} and a time; a partition has one or the other")
        return re.compile("".join(parts))

    @cached_property
    def has_alternatives(self) -> bool:
        """Whether one of its parts may be one of several texts, as in `{csv,csv.gz}`."""
        return any(match[4] is not None for match in _TOKEN.finditer(self.pattern))

    @property
    def names_time(self) -> bool:
        return bool(self.regex.groupindex) and "key" not in self.regex.groupindex

    @property
    def names_key(self) -> bool:
        return "key" in self.regex.groupindex

    @cached_property
    def folder(self) -> str:
        """The folder that the pattern names in full, in one form; empty if that is the landing folder itself."""
        upper = self.pattern.split("/")[:-1]
        unsure = (level for level, part in enumerate(upper) if re.search(r"[%*{]", part) or sure_start(part) != part)
        return "/".join(upper[: next(unsure, len(upper))])

    def beginning(self, names: Collection[str]) -> tuple[tuple[str, ...], str]:
        """How paths begin: the groups of ``names`` that come before anything else but plain text, and that part as a
        text for ``str.format``.
        """
        groups: list[str] = []
        parts: list[str] = []
        for match in _TOKEN.finditer(self.pattern):
            directive, key, star, texts, literal = match.groups()
            group = "key" if key else f"t{directive}"
            if literal or directive == "%":
                plain = literal or "%"
                parts.append(sure_start(plain).replace("{", "{{").replace("}", "}}"))
                if sure_start(plain) != plain:
                    break
            elif star or texts is not None or group not in names:
                break
            else:
                parts.append(f"{{{group}}}")
                if group not in groups:
                    groups.append(group)
        return tuple(groups), "".join(parts)

    @cached_property
    def shared_levels(self) -> int:
        """How many levels of folders, from the landing folder down, may hold files of several partitions."""
        levels = self.pattern.split("/")
        return next(
            level
            for level in range(len(levels) + 1)
            if self.regex.groupindex.keys() <= ArrivalPattern("/".join(levels[:level])).regex.groupindex.keys()
        )

    @cached_property
    def _stem(self) -> str:
        name = composed(self.pattern).rsplit("/", 1)[-1]
        return re.split(r"[%*{]", name, maxsplit=1)[0].lower()

    def resembles(self, path: str) -> bool:
        """Whether a path that does not match may have been meant to: its name begins as the pattern's does.

        Feeds may share a folder, so what belongs to another feed is nobody's mistake.
        """
        return composed(path.rsplit("/", 1)[-1]).lower().startswith(self._stem)

    def token(self, path: str) -> tuple[str, ...] | None:
        """What tells partitions apart in ``path`` as plain text (cheap), or None where it does not match."""
        match = self.regex.fullmatch(composed(path))
        return match.groups() if match else None

    def groups(self, path: str) -> dict[str, str]:
        """What ``path`` says of a time or key, by the names of the expression's groups; empty if it does not match."""
        match = self.regex.fullmatch(composed(path))
        return match.groupdict() if match else {}

    def read(self, token: tuple[str, ...]) -> NameMatch | None:
        """The time or key that a token stands for; None for a date that does not exist, such as week 53 of 2024."""
        groups = dict(zip(self.regex.groupindex, token, strict=True))
        if "key" in groups:
            return NameMatch(key=groups["key"])
        if not groups:
            return NameMatch()
        fields = {name[1:]: value for name, value in groups.items()}
        if "G" in fields and "V" in fields:
            fields.setdefault("u", "1")
        try:
            text, form = " ".join(fields.values()), " ".join(f"%{name}" for name in fields)
            time = dt.datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the partitions'
            # strptime takes the 366th day of 2023 for the first of 2024, and looks at one of two years only
            agreed = all(int(time.strftime(f"%{name}")) == int(value) for name, value in fields.items() if name != "z")
        except ValueError:
            return None
        return NameMatch(time=time) if agreed else None
