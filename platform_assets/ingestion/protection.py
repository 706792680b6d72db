"""Personal values: pseudonyms, masks, and values that are not written at all.

A pseudonym is the first 128 bits, as 32 hex digits, of SHA-256(k | value), where k is 22 characters (132 bits)
derived from the platform's key by HMAC-SHA-256. The same value has the same pseudonym in every feed, so that
pseudonyms join; another key gives unrelated ones. Cutting the digest shuts out length extension. k is this short
so that a value of up to 33 bytes fits SHA-256's first block: measured, 0.14 microseconds a value against 0.37.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any

from platform_assets.contracts.model import Column, Contract, Protection
from platform_assets.formats.json.quick import parse
from platform_assets.formats.json.writing import dump_json, parse_whole
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal

MASK = "***"
KEY_VARIABLE = "PLATFORM_PSEUDONYM_KEY"
"""The variable that holds the key of pseudonyms."""
SHORTEST_KEY = 16
"""Bytes of a key."""


class Pseudonyms:
    """Makes pseudonyms, in SQL and in Python, from one key of at least 16 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"the pseudonym key has {len(key)} bytes; it needs at least {SHORTEST_KEY} random ones")
        derived = hmac.digest(key, b"platform-assets pseudonym v1", "sha256")
        self._prefix = base64.urlsafe_b64encode(derived)[:22].decode()
        self.fingerprint = hmac.digest(key, b"platform-assets key fingerprint", "sha256").hex()[:16]

    def sql(self, text: str) -> str:
        """SQL for the pseudonym of a text expression; null stays null."""
        return f"left(sha256({literal(self._prefix)} || {text}), 32)"

    def of(self, text: str) -> str:
        return hashlib.sha256((self._prefix + text).encode()).hexdigest()[:32]


def protected_sql(column: Column, pseudonyms: Pseudonyms | None) -> str:
    """SQL for the column as it may be written, over its clear value in the column's own name."""
    name = quoted(column.name)
    if column.protection is Protection.MASK:
        return f"CASE WHEN {name} IS NOT NULL THEN {literal(MASK)} END"
    if column.protection is Protection.HASH:
        if pseudonyms is None:
            raise ValueError(f"column {column.name!r} is hashed: a pseudonym key is needed")
        return pseudonyms.sql(f"CAST({name} AS VARCHAR)")
    if column.nested:
        return f"{quoted(function_name(column))}({name})"
    return name


def protections_of(contract: Contract) -> dict[str, str]:
    """How the contract has columns written that it protects, and values inside columns each by :func:`place_inside`."""
    found = {}
    for column in contract.columns:
        if column.protection is not Protection.NONE:
            found[place_inside(column.name)] = column.protection.value
        for rule in column.nested:
            if rule.protection is not Protection.NONE:
                found[place_inside(column.name, rule.path)] = rule.protection.value
    return found


def place_inside(column: str, path: Sequence[str] = ()) -> str:
    """A name for a column, or the values at a path inside a JSON column, which tells names with slashes apart."""
    return "/".join(step.replace("~", "~0").replace("/", "~1") for step in (column, *path))


def function_name(column: Column) -> str:
    """The name under which the function that protects inside a JSON column is known to DuckDB."""
    return f"protect_{hashlib.sha256(repr((column.name, column.nested, column.declared)).encode()).hexdigest()[:16]}"


def json_protector(column: Column, pseudonyms: Pseudonyms | None) -> Callable[[str], str]:
    """A function over the JSON texts of a column that protects the values at its ``nested`` paths.

    A value at a path that the contract does not declare is masked: a sender who renames a personal key, or puts it
    elsewhere, must not thereby publish it; nor is its key kept.
    """
    declared = frozenset(column.declared)

    def protect(text: str) -> str:
        document = parse(text)
        for rule in column.nested:
            document = _protect(document, rule.path, rule.protection, pseudonyms)
        return dump_json(_mask_undeclared(document, (), declared))

    return protect


def _mask_undeclared(value: Any, place: tuple[str, ...], declared: frozenset[tuple[str, ...]]) -> Any:
    if (*place, "**") in declared:
        return value
    if isinstance(value, list):
        below = (*place, "*") if (*place, "*") in declared else place
        return [_mask_undeclared(item, below, declared) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        below = (*place, key)
        if below in declared:
            found[key] = _mask_undeclared(item, below, declared)
        elif item is not None:
            # the key may be the personal value itself, as in {"ann@example.org": 3}
            found[MASK] = MASK
    return found


def _protect(value: Any, path: tuple[str, ...], protection: Protection, pseudonyms: Pseudonyms | None) -> Any:
    if isinstance(value, list):
        # a list where the contract has an object holds the same values: they are not let through
        below = path[1:] if path and path[0] == "*" else path
        return [_protect(item, below, protection, pseudonyms) for item in value]
    if not path:
        return _protected(value, protection, pseudonyms)
    if isinstance(value, dict):
        step, rest = path[0], path[1:]
        if step == "*":
            return _protect(value, rest, protection, pseudonyms)
        if step in value:
            if not rest and protection is Protection.DROP:
                return {key: item for key, item in value.items() if key != step}
            return {**value, step: _protect(value[step], rest, protection, pseudonyms)}
        return value
    # a plain value where the contract has a structure may be the personal value itself
    return None if value is None else MASK


def _protected(value: Any, protection: Protection, pseudonyms: Pseudonyms | None) -> Any:
    if value is None or protection is Protection.DROP:
        return None
    if protection is Protection.MASK:
        return MASK
    if pseudonyms is None:
        raise ValueError("a nested value is hashed: a pseudonym key is needed")
    return pseudonyms.of(value if isinstance(value, str) else dump_json(value))


def is_strict_json(text: str) -> bool:
    """Whether ``text`` is one JSON document; DuckDB's own check takes NaN and trailing commas too."""
    try:
        parse_whole(text)
    except (ValueError, RecursionError):
        return False
    return True


__all__ = [
    "KEY_VARIABLE",
    "MASK",
    "SHORTEST_KEY",
    "Pseudonyms",
    "function_name",
    "is_strict_json",
    "json_protector",
    "place_inside",
    "protected_sql",
    "protections_of",
]
