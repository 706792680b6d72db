"""Signs that a column is personal, or the key of its table: its name, and what its values look like."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

PERSONAL = re.compile(
    r"(^|_)(e?_?mail|phone|tele(ph|f)on|mobile|mobil|handy|ssn|passport|tax_id|(first|last|full|sur|middle)_?name|birth"
    r"|geburt|dob|iban|bic|credit_?card|address|adresse|street|stra(ss|ß)e|vorname|nachname|zuname|ip_?address"
    r"|user_?name|salary|gehalt)",
    re.IGNORECASE,
)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
IBAN = re.compile(r"[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?")
KEY = re.compile(r"(^|_)(id|key|uuid|guid)$", re.IGNORECASE)
LOOKED_AT = 1000
MANY = 0.5
"""Share of values that have to look personal."""


def personal_name(name: str) -> str:
    """Why a name looks personal; empty if it does not."""
    return "looks personal" if PERSONAL.search(plain(name)) else ""


def personal_values(values: Sequence[Any]) -> str:
    """Why values look personal; empty if they do not."""
    texts = list(itertools.islice((value for value in values if isinstance(value, str) and value), LOOKED_AT))
    for sign, what in ((EMAIL, "email addresses"), (IBAN, "account numbers")):
        if sum(sign.fullmatch(text) is not None for text in texts) > MANY * len(texts):
            return f"looks personal (its values look like {what})"
    return ""


def plain(name: str) -> str:
    """The words of a name with _ between them, as in ``order_id`` of ``orderId`` and ``Order ID``."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^\w]+", "_", parted).strip("_")


def is_named_like_key(name: str, feed: str, place: int) -> bool:
    """Whether a column, ``place`` from 0 on, is named like the key of the feed's rows and not like that of others.

    ``customer_id`` of orders may be there once in a sample, and again in the next file.
    """
    words = plain(name).lower()
    if not KEY.search(words):
        return False
    of = KEY.sub("", words)
    one = re.sub(r"ies$", "y", feed.lower())
    return (
        of == ""
        or of in (feed.lower(), one, feed.lower().removesuffix("s"), feed.lower().removesuffix("es"))
        or place == 0
    )
