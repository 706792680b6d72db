"""Texts without secrets and personal values, as far as their form tells: what leaves the platform passes through here.

Messages of the platform hold none of them by construction. A text that somebody else has written may, so the text of
an exception that nobody thought of is not told at all, and every other text is looked through once more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence

HIDDEN = "***"
SHORTEST = 6
"""Characters of a variable's value that is looked for: a shorter one is found in any text."""

_NAMES = re.compile(r"PASS|.PWD$|SECRET|TOKEN|KEY|CREDENTIAL|DSN|WEBHOOK|PSEUDONYM", re.IGNORECASE)
_NO_SECRETS = re.compile(r"(_PATH|_FILE|_VARIABLE|_NAME|KEYBOARD\w*|^OLDPWD)$", re.IGNORECASE)
_PATTERNS = (
    # a URL's user and password
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s@]+(?:@[^\s@]+)*@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    # what a URL is signed with
    (re.compile(r"([?&](?:sig|signature|token|key|secret|password|x-amz-[a-z-]+)=)[^&\s]+", re.IGNORECASE),
     rf"\1{HIDDEN}"),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\b((?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|authorization)\s*[=:]\s*)\S+", re.IGNORECASE),
     rf"\1{HIDDEN}"),
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)", re.DOTALL), HIDDEN),
    # tokens of known services, JSON web tokens, keys of AWS
    (re.compile(r"\b(?:xox[a-z]-|gh[pousr]_|glpat-|sk-)[A-Za-z0-9-]{8,}"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), HIDDEN),
    # addresses of mail, numbers of bank accounts, cards and telephones
    (re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), HIDDEN),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"), HIDDEN),
    (re.compile(r"\b\d{4}(?:[ -]?\d{4}){2}[ -]?\d{1,7}\b"), lambda found: _unless_card(found[0])),
    (re.compile(r"(?<![\w.:/-])\+\d[\d ()-]{7,}\d"), HIDDEN),
)  # fmt: skip


def redacted(text: str, secrets: Sequence[str] = ()) -> str:
    """``text`` without ``secrets``, and without what looks like a secret or like a personal value."""
    for value in secrets:
        text = text.replace(value, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _unless_card(digits: str) -> str:
    """Numbers with the check digit of a card and more digits than a time."""
    values = [int(digit) for digit in reversed(digits) if digit.isdigit()]
    total = sum(value if place % 2 == 0 else sum(divmod(2 * value, 10)) for place, value in enumerate(values))
    return HIDDEN if total % 10 == 0 and len(values) > len("20240105120000") else digits


def secrets_of(variables: Mapping[str, str] = os.environ, *, named: Collection[str] = ()) -> list[str]:
    """The values of variables whose names say that they are secret, and the lines of such values; the longest first."""
    found: set[str] = set()
    for name, value in variables.items():
        if name in named or (_NAMES.search(name) and not _NO_SECRETS.search(name)):
            found |= {part for part in (value, *value.splitlines()) if len(part.strip()) >= SHORTEST}
    return sorted(found, key=len, reverse=True)
