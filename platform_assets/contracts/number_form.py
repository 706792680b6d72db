"""How numbers are written in text: the sign before the decimals and the sign between thousands.

By default a point, and none. Custom properties of the contract, or of one column, say otherwise.
"""

from __future__ import annotations

from typing import Any

from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.properties import custom

PROPERTIES = frozenset({"decimalSeparator", "thousandsSeparator"})
DECIMAL = {"point": ".", "comma": ","}
THOUSANDS = {"none": "", "point": ".", "comma": ",", "space": " ", "apostrophe": "'"}
ALLOWED = (
    ".",
    ",",
    "'",
    "\N{RIGHT SINGLE QUOTATION MARK}",
    " ",
    "\N{NO-BREAK SPACE}",
    "\N{NARROW NO-BREAK SPACE}",
    "_",
)
"""Signs between thousands."""


def read_number_form(
    data: dict[str, Any], properties: dict[str, tuple[Any, Path_]], findings: Findings
) -> tuple[str, str]:
    """The decimal sign and the sign between thousands of a column, by its ``properties`` or those of the contract."""
    # what is wrong with those of the contract as a whole is said where they are read
    of_all = custom(data, (), PROPERTIES, Findings(findings.file, findings.lines))
    given = {**of_all, **properties}
    decimal = _sign(given, "decimalSeparator", ".", DECIMAL, (".", ","), findings)
    thousands = _sign(given, "thousandsSeparator", "", THOUSANDS, ("", *ALLOWED), findings)
    if decimal == thousands:
        place = given.get("thousandsSeparator", given.get("decimalSeparator", (None, ())))[1]
        findings.problem(place, f"{decimal!r} cannot stand before decimals and between thousands")
        return ".", ""
    return decimal, thousands


def _sign(
    given: dict[str, tuple[Any, Path_]], name: str, default: str, words: dict[str, str], known: tuple[str, ...],
    findings: Findings,
) -> str:  # fmt: skip
    if name not in given:
        return default
    value, path = given[name]
    sign = words.get(str(value), value)
    if sign in known:
        return str(sign)
    findings.problem(path, f"{name} must be one of {', '.join(words)}, or the sign itself, not {value!r}")
    return default
