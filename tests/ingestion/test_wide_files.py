"""A header of very many columns costs in proportion to its length, whether it fits the contract or not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from platform_assets.formats.drift import compare_columns
from platform_assets.lake.errors import DeliveryRejected

COLUMNS = 2_000


class Name(str):
    """A name that counts how often it is compared with another."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


HEADERS = {
    "as the contract": lambda n: [f"c{i}" for i in range(n)],
    "in another order": lambda n: [f"c{i}" for i in reversed(range(n))],
    "all others": lambda n: [f"x{i}" for i in range(n)],
    "one more": lambda n: [f"c{i}" for i in range(n + 1)],
    "all twice": lambda n: [f"c{i // 2}" for i in range(n)],
    "half missing": lambda n: [f"c{i}" for i in range(n // 2)],
    "half renamed": lambda n: [f"c{i}" if i % 2 else f"old c{i}" for i in range(n)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("tolerant", [False, True])
def test_names_are_compared_a_few_times_each(make_contract: Callable[..., Any], name: str, tolerant: bool) -> None:
    columns = [{"name": f"c{i}", "logicalType": "string"} for i in range(COLUMNS)]
    terms = {"extraColumns": True, "missingColumns": True} if tolerant else {}
    contract = make_contract(columns, terms=terms)
    Name.compared = 0
    told = ""
    try:
        told = "".join(compare_columns(contract, [Name(name) for name in HEADERS[name](COLUMNS)], "a.csv"))
    except DeliveryRejected as rejected:
        told = rejected.message
    assert len(told) < 5_000
    assert Name.compared < 20 * COLUMNS


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_a_wide_file_costs_in_proportion(lake: Any, make_contract: Callable[..., Any], form: str) -> None:
    """Four times the columns cost at most nine times the CPU, where comparing each with each costs sixteen times."""
    contract = make_contract([{"name": "c1", "logicalType": "string"}], form=form, terms={"extraColumns": True})

    def cost(columns: int) -> float:
        names = [f"c{i}" for i in range(columns)]
        path = lake.landing / f"{columns}.{form}"
        if form == "csv":
            path.write_text(f"{','.join(names)}\n{','.join('1' for _ in names)}\n")
        elif form == "json":
            path.write_text("{" + ",".join(f'"{name}":"1"' for name in names) + "}\n")
        else:
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.table({name: ["1"] for name in names}), path)
        started = time.process_time()
        assert lake.rows(lake.ingest(contract, path, force=True)) == [("1",)]
        return time.process_time() - started

    # what is imported once is no part of it
    cost(10)
    few, many = (min(cost(columns) for _ in range(2)) for columns in (3_000, 12_000))
    assert many < 9 * few
