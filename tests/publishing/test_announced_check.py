"""A check of another package, the example of docs/extending.md, as a gate: its values, its errors, its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from platform_assets.contracts.problems import ContractError
from platform_assets.sql.contract_file import parse_contract
from tests.support.announced import documented, documented_entry, installed
from tests.support.projects import Project, opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, ORDER_COLUMNS, PARTITIONS

HEADING = "A check"
BROKEN = """

def broken(session, relation, columns, arguments):
    if session.execute(f"SELECT count(*) FROM {relation} AS r WHERE customer = 'Ada'") != [(0,)]:
        raise ValueError("cannot cope with Ada")
    return {day: 0 for (day,) in session.execute(f"SELECT DISTINCT _partition FROM {relation} AS r")}
"""
MORE = """
      - {type: custom, engine: broken_one, name: copes, mustBe: 0}
"""


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path) -> Iterator[None]:
    group, entry = documented_entry(HEADING)
    entries = (entry, "broken_one = most_common_check:broken")
    with installed(tmp_path / "site", "most_common_check", documented(HEADING, "python") + BROKEN, group, *entries):
        yield


def rules(text: str) -> str:
    """The documented rule, indented as a table's, and ``text``."""
    documented_rule = documented(HEADING, "yaml").splitlines()
    return "".join(f"    {line}\n" for line in documented_rule) + text.lstrip("\n")


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "project"
    days = {
        DAYS[0]: ("ann", ["open", "paid", "unknown"]),
        DAYS[1]: ("ben", ["open", "open", "unknown"]),
        DAYS[2]: ("Ada", ["open", "paid"]),
        DAYS[3]: ("cem", ["unknown", "unknown"]),
    }
    write_project(
        root,
        {
            "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
            "orders/contract.yaml": CONTRACT.format(name="orders", columns=ORDER_COLUMNS) + rules(MORE),
        },
    )
    (root / "data" / "landing" / "orders").mkdir(parents=True)
    for day, (customer, states) in days.items():
        lines = "".join(f"{number},{customer},{state},1\n" for number, state in enumerate(states))
        (root / "data" / "landing" / "orders" / f"{day}.csv").write_text("id,customer,status,amount\n" + lines)
    with opened(root) as project:
        yield project


def test_its_values_go_through_the_gate_of_each_partition(project: Project) -> None:
    assert not project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[3]).success
    assert project.materialized("raw/orders") == {DAYS[0]}
    found = project.rows("SELECT partition_key, check_name, message FROM platform.ledger ORDER BY 1")
    assert found[1][1:] == ("most_common:status", "the value of the check 'most_common' is 1; it must be less than 0.9")
    assert found[2][1:] == ("copes", "the rule could not be measured: the check 'broken_one' failed (ValueError)")
    assert found[3][1] == "most_common:status"
    assert "null, which is no number" in found[3][2]


def test_a_check_that_nobody_has_is_a_mistake_in_the_contract() -> None:
    text = CONTRACT.format(name="orders", columns=ORDER_COLUMNS) + rules("").replace("most_common", "most_comon")
    line = next(number for number, words in enumerate(text.splitlines(), 1) if "most_comon" in words)
    with pytest.raises(ContractError) as raised:
        parse_contract(text, Path("contract.yaml"))
    assert yaml.safe_load(text)
    assert str(raised.value) == (
        f"contract.yaml:{line}: schema[0].quality[0].engine: 'most_comon' must be one of platform-assets, broken_one, "
        "most_common; did you mean 'most_common'?"
    )
