"""The type of a column of texts: the one that most of its values have, if nearly all have it; else text.

Besides the forms that a contract takes by itself there are those that it has to name: decimal commas, signs between
thousands, dates as they are written in Europe and America, words for true and false.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.formats.inference.sample_types import DATE, NUMBER, TIMESTAMP, type_of

MINORITY = 0.04
"""Share of a column's values that may be of another type: their rows are quarantined. More, and the column is text."""
FEW = 200
"""Values by which a form is passed over that few of them have."""

TEXT = {"logicalType": "string"}
COMMA = re.compile(r"-?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")
THOUSANDS = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?")
WHOLE = re.compile(r"-?\d+")
DATES = {
    r"\d\d\.\d\d\.\d{4}": (("dd.MM.yyyy", "%d.%m.%Y"),),
    r"\d\d-\d\d-\d{4}": (("dd-MM-yyyy", "%d-%m-%Y"), ("MM-dd-yyyy", "%m-%d-%Y")),
    r"\d\d/\d\d/\d{4}": (("dd/MM/yyyy", "%d/%m/%Y"), ("MM/dd/yyyy", "%m/%d/%Y")),
    r"\d{4}/\d\d/\d\d": (("yyyy/MM/dd", "%Y/%m/%d"),),
}
"""Spellings of a day, and what each may mean: in a contract's words and in strptime's."""
TIMES = {"": ("", ""), r" \d\d:\d\d": (" HH:mm", " %H:%M"), r" \d\d:\d\d:\d\d": (" HH:mm:ss", " %H:%M:%S")}
TRUTHS = (("yes", "no"), ("y", "n"), ("ja", "nein"), ("oui", "non"), ("si", "no"), ("t", "f"))


@dataclass(frozen=True)
class TextType:
    """A type in the words of a contract; ``takes`` tells whether a value has it, ``note`` what is left to decide."""

    words: dict[str, Any]
    takes: Callable[[str], bool]
    note: str = ""

    @property
    def is_text(self) -> bool:
        return self.words["logicalType"] == "string"


@dataclass(frozen=True)
class _Form:
    """A way to write values: ``takes`` one of them; ``typed`` gives the type of several, None if they have none."""

    takes: Callable[[str], bool]
    typed: Callable[[Sequence[str]], dict[str, Any] | None]


def text_type(values: Sequence[str], delimiter: str = "") -> TextType:
    """The type of ``values``, of which none is empty; ``delimiter`` is that of the file's fields."""
    counts = Counter(values)
    distinct = list(counts)
    exact = type_of(distinct)
    if exact["logicalType"] != "string" or not distinct:
        return TextType(exact, lambda _: True)
    note = ""
    best: tuple[int, _Form, list[str]] | None = None
    for form in (*_PLAIN, *_named_forms(delimiter)):
        few = distinct[:FEW]
        if sum(map(form.takes, few)) * 2 < len(few):
            continue
        taken = [value for value in distinct if form.takes(value)]
        share = sum(counts[value] for value in taken)
        if best is None or share > best[0]:
            best = share, form, taken
    if best is None or (len(values) - best[0]) > MINORITY * len(values):
        return TextType(TEXT, lambda _: True, ambiguity(counts))
    _, form, taken = best
    words = form.typed(taken)
    others = [value for value in distinct if not form.takes(value)]
    # numbers with a zero in front, or too long for a number, are codes: all of them are text then
    if words is None or words["logicalType"] == "string" or any(WHOLE.fullmatch(value) for value in others):
        return TextType(TEXT, lambda _: True, ambiguity(counts))
    return TextType(words, form.takes, note)


def _plain_number(value: str) -> bool:
    return NUMBER.fullmatch(value) is not None and not re.match(r"-?0\d", value)


def _zoned(with_zone: bool) -> Callable[[str], bool]:
    def takes(value: str) -> bool:
        found = TIMESTAMP.fullmatch(value)
        return found is not None and bool(found[3]) == with_zone and type_of([value]) != TEXT

    return takes


_PLAIN = (
    _Form(lambda value: value.lower() in ("true", "false"), type_of),
    _Form(_plain_number, type_of),
    _Form(lambda value: DATE.fullmatch(value) is not None and type_of([value]) != TEXT, type_of),
    _Form(_zoned(True), type_of),
    _Form(_zoned(False), type_of),
)


def _named_forms(delimiter: str) -> list[_Form]:
    forms = [
        _Form(lambda value: COMMA.fullmatch(value) is not None, lambda values: _comma(values, delimiter)),
        _Form(lambda value: THOUSANDS.fullmatch(value) is not None, _thousands),
    ]
    for day, meanings in DATES.items():
        for clock, (time_words, time_format) in TIMES.items():
            spelled = re.compile(day + clock)
            for words, form in meanings:
                forms.append(_dated(spelled, words + time_words, form + time_format, is_sure=len(meanings) == 1))
    forms += [_truth(true, false) for true, false in TRUTHS]
    return forms


def _comma(values: Sequence[str], delimiter: str) -> dict[str, Any] | None:
    """Numbers with a decimal comma; None where the commas may as well stand between thousands."""
    parted = [value for value in values if "." in value]
    sure = any("," in value for value in parted) or any(
        "," in value and len(value.partition(",")[2]) != 3 for value in values
    )
    if not any("," in value for value in values) or not (sure or delimiter == ";"):
        return None
    found = type_of([value.replace(".", "").replace(",", ".") for value in values])
    if found["logicalType"] not in ("number", "integer"):
        return None
    custom = [{"property": "decimalSeparator", "value": "comma"}]
    if parted:
        custom.append({"property": "thousandsSeparator", "value": "point"})
    return {**found, "customProperties": custom}


def _thousands(values: Sequence[str]) -> dict[str, Any] | None:
    """Numbers with commas between thousands; None where a comma may as well stand before decimals."""
    parted = [value for value in values if "," in value]
    if not any("." in value or value.count(",") > 1 for value in parted):
        return None
    found = type_of([value.replace(",", "") for value in values])
    if found["logicalType"] not in ("number", "integer"):
        return None
    return {**found, "customProperties": [{"property": "thousandsSeparator", "value": "comma"}]}


def _dated(spelled: re.Pattern[str], words: str, form: str, *, is_sure: bool) -> _Form:
    def takes(value: str) -> bool:
        return spelled.fullmatch(value) is not None and _is_time(value, form)

    def typed(values: Sequence[str]) -> dict[str, Any] | None:
        # a day above 12 tells days from months
        other = form.replace("%d", "%#").replace("%m", "%d").replace("%#", "%m")
        if not is_sure and all(_is_time(value, other) for value in values):
            return None
        kind = "timestamp" if "%H" in form else "date"
        return {"logicalType": kind, "logicalTypeOptions": {"format": words}}

    return _Form(takes, typed)


def _is_time(value: str, form: str) -> bool:
    try:
        dt.datetime.strptime(value, form)  # noqa: DTZ007 - its zone is not asked for
    except ValueError:
        return False
    return True


def _truth(true: str, false: str) -> _Form:
    def typed(values: Sequence[str]) -> dict[str, Any] | None:
        if {value.lower() for value in values} != {true, false}:
            return None
        custom = [{"property": "trueValues", "value": [true]}, {"property": "falseValues", "value": [false]}]
        return {"logicalType": "boolean", "customProperties": custom}

    return _Form(lambda value: value.lower() in (true, false), typed)


def ambiguity(counts: Mapping[str, int]) -> str:
    """What texts may be besides text, which nobody but a person can tell; empty for others.

    ``counts`` says how often each is there.
    """
    values, total = list(counts), sum(counts.values())
    if not values:
        return ""
    if all(COMMA.fullmatch(value) for value in values) and any("," in value for value in values):
        return "a comma before decimals or between thousands: decimalSeparator or thousandsSeparator says which"
    for day, meanings in DATES.items():
        for clock, (time_words, time_format) in TIMES.items():
            taken = [value for value in values if re.fullmatch(day + clock, value)]
            if len(meanings) > 1 and total - sum(counts[value] for value in taken) <= MINORITY * total:
                return _two_orders(taken, [(words + time_words, form + time_format) for words, form in meanings])
    return ""


def _two_orders(values: Sequence[str], meanings: Sequence[tuple[str, str]]) -> str:
    """What is to be said of dates of which some or all may be meant in two ways; empty if they are no dates."""
    read = [[_is_time(value, form) for _, form in meanings] for value in values]
    (one, _), (other, form) = meanings
    if all(map(all, read)):
        kind = "timestamp" if "%H" in form else "date"
        return (
            f"a date: no day of the sample is above 12, so it is {one} or {other}; logicalType: {kind} and the option "
            "format say which"
        )
    return f"dates in two orders, {one} and {other}, of which a column has one" if all(map(any, read)) else ""
