"""A warehouse of each engine, and a lake that hands out candidates with real Parquet files.

DuckDB is in the default run, PostgreSQL in the slower one. Of other engines the slower run has the files of `SAMPLE`,
on the emulator of Snowflake, which takes seconds for a publication, those of `ON_SNOWFLAKE`; `make test-engines` runs
all of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.support import Lake
from tests.support.engines import ENGINES, warehouse_of

WHOLE = ("duckdb", "postgres")
SAMPLE = (
    *("test_gates", "test_in_place", "test_kill_between_statements", "test_leases", "test_many_writers"),
    "test_other_readers",
)
ON_SNOWFLAKE = {
    "test_a_column_that_the_contract_gains_is_added",
    "test_a_crash_leaves_old_or_new_and_the_next_run_succeeds",
    "test_a_rejected_candidate_is_alone_and_leaves_the_last_good_version",
    "test_a_run_of_any_partition_clears_what_the_dead_left",
    "test_a_writer_whose_lease_was_taken_over_publishes_nothing",
    "test_all_partitions_get_the_type_at_once",
    "test_an_error_in_a_rule_is_attributed_to_the_partition_it_comes_from",
    "test_an_expired_lease_is_taken_over_and_its_owner_is_fenced",
    "test_every_metric_has_the_value_it_is_named_for",
    "test_kill_9_between_every_two_statements",
    "test_killed_the_table_is_the_old_one",
    "test_nothing_changes_while_a_partition_would_be_lost",
    "test_two_threads_and_one_partition",
}


@pytest.fixture(params=[ENGINES[0], *(pytest.param(engine, marks=pytest.mark.slow) for engine in ENGINES[1:])])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return warehouse_of(request.param, tmp_path, request)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    folder = tmp_path / "lake"
    folder.mkdir()
    return Lake(folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("PLATFORM_ENGINES") == "all":
        return
    left_out = [item for item in items if _engine(item) not in ("", *WHOLE) and not _is_of_sample(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _is_of_sample(item: pytest.Item) -> bool:
    if _engine(item) == "snowflake":
        return getattr(item, "originalname", "") in ON_SNOWFLAKE
    return item.path.stem in SAMPLE


def _engine(item: pytest.Item) -> str:
    if Path(__file__).parent not in item.path.parents:
        return ""
    chosen = getattr(item, "callspec", None)
    return str(chosen.params.get("warehouse", "")) if chosen is not None else ""
