"""A shop with a model for each way in which a test can be judged, and what is to become of each day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.projects import Project
from tests.support.shop import CONFIG, DAYS, deliver, good_rows, write_dbt, write_shop

LOST = {DAYS[0]: 0, DAYS[1]: 1, DAYS[2]: 3, DAYS[4]: 2}
"""How many rows of a day fail the tests; the day between is not delivered, a hole in the range."""
NONE: frozenset[str] = frozenset()
WITH_ROWS = frozenset(day for day, rows in LOST.items() if rows)
ALL = frozenset(LOST)
SINGULAR = "select * from {{ ref('NAME') }} where status = 'lost'"
WITHOUT = "select 1 as one from {{ ref('NAME') }} where status = 'lost'"


@dataclass(frozen=True)
class Case:
    """A test of a model of its own: its configuration, and which days it holds, and which it warns of.

    ``sql`` is that of a singular test, ``generic`` a test of the column `marked`, which is null, doubled, unknown or
    without parent in rows that fail. A test that is ``of_the_range`` is not told by partition.
    """

    held: frozenset[str] = NONE
    warned: frozenset[str] = NONE
    config: Mapping[str, Any] = field(default_factory=dict)
    sql: str = ""
    generic: Any = None
    of_the_range: bool = False


PARENTS = {"relationships": {"arguments": {"to": "source('raw', 'customers')", "field": "customer"}}}
KNOWN = {"accepted_values": {"arguments": {"values": ["ann", "ben", "cem"]}}}
SOME = {"error_if": ">2", "warn_if": ">1"}
SUM_ABOVE = {"fail_calc": "sum(amount)", "error_if": ">100"}
SOME_HELD, SOME_WARNED = frozenset({DAYS[2]}), frozenset({DAYS[4]})
CASES = {
    "plain": Case(WITH_ROWS),
    "thresholds": Case(SOME_HELD, SOME_WARNED, SOME),
    "sum_only": Case(NONE, NONE, {"error_if": ">5", "warn_if": ">5"}),
    "warned_sum": Case(NONE, WITH_ROWS, {"error_if": ">5"}),
    "warns": Case(NONE, frozenset({DAYS[2], DAYS[4]}), {"severity": "warn", "error_if": ">0", "warn_if": ">1"}),
    "too_few": Case(frozenset({DAYS[0]}), NONE, {"error_if": "<1", "warn_if": "<1"}),
    "between": Case(frozenset({DAYS[4]}), NONE, {"error_if": "between 2 and 2", "warn_if": "between 2 and 2"}),
    "calculated": Case(SOME_HELD, WITH_ROWS, {"fail_calc": "coalesce(sum(amount), 0)", "error_if": ">100"}),
    "no_number": Case(frozenset({DAYS[0], DAYS[2]}), WITH_ROWS - SOME_HELD, SUM_ABOVE),
    "limited": Case(frozenset({DAYS[2], DAYS[4]}), NONE, {"limit": 1, "error_if": ">1", "warn_if": ">1"}),
    "where": Case(frozenset({DAYS[2]}), NONE, {"where": "amount > 60"}),
    "singular": Case(SOME_HELD, SOME_WARNED, SOME, sql=SINGULAR),
    "without": Case(ALL, NONE, {"error_if": ">5"}, sql=WITHOUT, of_the_range=True),
    "without_few": Case(NONE, ALL, {"error_if": ">6"}, sql=WITHOUT, of_the_range=True),
    "no_group": Case(
        ALL, NONE, {"fail_calc": "n"}, sql=SINGULAR.replace("*", "count(*) as n, max(_partition) as _partition"),
        of_the_range=True,
    ),
    "not_null": Case(SOME_HELD, SOME_WARNED, SOME, generic="not_null"),
    "unique": Case(SOME_HELD, NONE, {"error_if": ">2", "warn_if": ">2"}, generic="unique"),
    "accepted": Case(SOME_HELD, SOME_WARNED, SOME, generic=KNOWN),
    "related": Case(SOME_HELD, SOME_WARNED, SOME, generic=PARENTS),
    "unit": Case(ALL, of_the_range=True),
}  # fmt: skip
MARKED = {
    "not_null": "case when status != 'lost' then id end",
    "unique": "case when status != 'lost' then cast(id as varchar) else _partition end",
    "accepted": "case when status != 'lost' then customer else 'zoe' end",
    "related": "case when status != 'lost' then customer else 'zoe' end",
}


def model(name: str) -> str:
    return f"m_{name}"


def check_of(name: str) -> str:
    return f"t_{name}"


def write_judged(root: Path) -> None:
    """The shop, with a model and a test for each case."""
    files, models = {}, []
    for name, case in CASES.items():
        marked = f", {MARKED[name]} as marked" if name in MARKED else ""
        files[f"models/judged/{model(name)}.sql"] = (
            f"{CONFIG}select id, status, amount, _partition{marked} from {{{{ source('raw', 'orders') }}}}\n"
            "where {{ in_partitions() }}"
        )
        about: dict[str, Any] = {"name": model(name)}
        given = {"name": check_of(name), "config": dict(case.config)}
        if case.sql:
            values = ", ".join(f"{key}={value!r}" for key, value in case.config.items())
            files[f"tests/{check_of(name)}.sql"] = f"{{{{ config({values}) }}}}\n" + case.sql.replace(
                "NAME", model(name)
            )
        elif case.generic:
            ((kind, words),) = ({case.generic: {}} if isinstance(case.generic, str) else case.generic).items()
            about["columns"] = [{"name": "marked", "data_tests": [{kind: {**given, **words}}]}]
        elif name != "unit":
            about["data_tests"] = [{"rows_satisfy": {**given, "arguments": {"expression": "status != 'lost'"}}}]
        models.append(about)
    files["models/judged.yml"] = json.dumps({"models": models})
    files["models/unit.yml"] = (
        f"unit_tests:\n  - name: {check_of('unit')}\n    model: {model('unit')}\n    given:\n"
        "      - input: source('raw', 'orders')\n        rows: [{id: 1, _partition: a}]\n"
        "    expect: {rows: [{id: 2}]}\n"
    )
    write_shop(root)
    write_dbt(root, files)


def deliver_judged(project: Project) -> None:
    """Each day's orders with as many failing rows as ``LOST`` says; of the day that is a hole nothing."""
    rows = {
        day: [
            *good_rows(day),
            *([str(1000 * int(day[-2:]) + i), "ann", "lost", str(30 + 20 * i)] for i in range(number)),
        ]
        for day, number in LOST.items()
    }
    deliver(project, rows)
    (project.landing / "orders" / f"{DAYS[3]}.csv").unlink()
