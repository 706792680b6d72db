"""The 64 bits of a double as a whole number, with what Snowflake has: no function of its own gives them.

A normal number is its exponent and what it has beyond the power of two, both exact. A logarithm may be one off beside
a power of two, which the fraction tells: it is from 1 to 2 only with the right exponent.
"""

from __future__ import annotations

_SPECIAL = {"'NaN'": 0x7FF8 << 48, "'inf'": 0x7FF0 << 48, "'-inf'": (0xFFF0 << 48) - (1 << 64)}
_STEP = 1 << 52
_SMALLEST = "'2.2250738585072014e-308'"

# a logarithm of what has none would be an error, in a branch that is not taken too
_NONE = ", ".join(f"CAST({value} AS FLOAT)" for value in _SPECIAL)
_SIZE = f"(CASE WHEN {{x}} = 0 OR {{x}} IN ({_NONE}) THEN 1 ELSE ABS({{x}}) END)"
_EXPONENT = f"LEAST(1023, GREATEST(-1022, FLOOR(LOG(2, {_SIZE}))))"
_FRACTION = f"({_SIZE} / POWER(2, {_EXPONENT}))"
_NORMAL = (
    f"CASE WHEN {_FRACTION} < 1 THEN {_EXPONENT} + 1022 WHEN {_FRACTION} >= 2 THEN {_EXPONENT} + 1024 "
    f"ELSE {_EXPONENT} + 1023 END"
)
_BEYOND = (
    f"CASE WHEN {_FRACTION} < 1 THEN {_FRACTION} * 2 WHEN {_FRACTION} >= 2 THEN {_FRACTION} / 2 ELSE {_FRACTION} END"
)
_WHOLE = "CAST({} AS NUMBER(38,0))"
_MAGNITUDE = (
    # the numbers below the smallest normal one are whole multiples of the smallest of all
    f"CASE WHEN {_SIZE} < CAST({_SMALLEST} AS FLOAT) "
    f"THEN {_WHOLE.format(f'{_SIZE} * POWER(2, 537) * POWER(2, 537)')} "
    f"ELSE {_WHOLE.format(_NORMAL)} * {_STEP} + {_WHOLE.format(f'(({_BEYOND}) - 1) * {_STEP}')} END"
)

_SAID = " ".join(
    f"WHEN {{x}} = CAST({value} AS FLOAT) THEN CAST({bits} AS VARCHAR)" for value, bits in _SPECIAL.items()
)
BITS = (
    f"CASE {_SAID} WHEN {{x}} = 0 THEN '0' WHEN {{x}} IS NOT NULL THEN CAST({_MAGNITUDE} - "
    f"CASE WHEN {{x}} < 0 THEN {1 << 63} ELSE 0 END AS VARCHAR) END"
)
"""An expression with ``{x}`` for the double: the bits as a signed number of 64 bits, as text."""
