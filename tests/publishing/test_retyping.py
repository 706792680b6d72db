"""A column's type changes for all partitions of a table at once, in one transaction, or for none."""

from __future__ import annotations

import pytest

from platform_assets.failpoints import armed
from platform_assets.publishing.from_files import publish
from platform_assets.publishing.verdicts import Candidate, Verdict
from platform_assets.warehouse.errors import IncompatibleTable
from platform_assets.warehouse.protocol import Warehouse
from tests.lake.test_objects import crash
from tests.lake.test_stage_commit_reject import Crash
from tests.publishing.support import ASSET, NOT_EMPTY, TABLE, Lake, load, states

NEW = [("id", "VARCHAR", "Key"), ("v", "VARCHAR", "Version of the content")]
AS_TEXT = "CAST(i AS VARCHAR) AS id, 'v2' AS v"


def retype(warehouse: Warehouse, *candidates: Candidate, retypes: bool = True) -> list[Verdict]:
    return publish(
        warehouse, asset=ASSET, table=TABLE, columns=NEW, candidates=candidates, rules=[NOT_EMPTY], run_id="second",
        wait_seconds=30, retypes=retypes,
    )  # fmt: skip


def held(warehouse: Warehouse) -> tuple[list[tuple[str, str]], list[tuple[str, str, int]]]:
    with warehouse.session(read_only=True) as session:
        columns = [(column.name, column.type) for column in session.describe(TABLE) or ()]
        rows = session.execute("SELECT _partition, v, count(*) FROM raw.sales GROUP BY 1, 2 ORDER BY 1, 2")
        return columns, [(row[0], row[1], row[2]) for row in rows]


def test_all_partitions_get_the_type_at_once(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, *(lake.candidate(p, "v1") for p in "ab"))
    candidates = [lake.candidate(p, "v2", select=AS_TEXT) for p in "ab"]
    with pytest.raises(IncompatibleTable):
        retype(warehouse, *candidates, retypes=False)
    assert states(retype(warehouse, *candidates)) == ["published"] * 2
    columns = [("id", "VARCHAR"), ("v", "VARCHAR"), ("_partition", "VARCHAR")]
    assert held(warehouse) == (columns, [("a", "v2", 3), ("b", "v2", 3)])
    assert states(retype(warehouse, *candidates)) == ["unpublished"] * 2, "it is so already"


def test_nothing_changes_while_a_partition_would_be_lost(warehouse: Warehouse, lake: Lake) -> None:
    load(warehouse, *(lake.candidate(p, "v1") for p in "abc"))
    before = held(warehouse)
    with pytest.raises(IncompatibleTable, match="2 partitions cannot be published under the new one: b, c"):
        retype(warehouse, lake.candidate("a", "v2", select=AS_TEXT), lake.candidate("b", "v2", 0, select=AS_TEXT))
    assert held(warehouse) == before


@pytest.mark.parametrize("point", ["publish.made_anew", "publish.inserted", "publish.before_commit"])
def test_killed_the_table_is_the_old_one(warehouse: Warehouse, lake: Lake, point: str) -> None:
    load(warehouse, lake.candidate("a", "v1"))
    before, candidate = held(warehouse), lake.candidate("a", "v2", select=AS_TEXT)
    held_after = ([("id", "VARCHAR"), ("v", "VARCHAR"), ("_partition", "VARCHAR")], [("a", "v2", 3)])
    with armed(point, crash), pytest.raises(Crash):
        retype(warehouse, candidate)
    with warehouse.session() as session:
        swapped = not session.capabilities.transactional_ddl and point != "publish.inserted"
    # where a swap is a statement of its own, audited rows under the new types may come before their verdict
    assert held(warehouse) == (held_after if swapped else before)
    assert states(retype(warehouse, candidate)) == ["published"]
