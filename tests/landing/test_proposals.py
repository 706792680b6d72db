"""The pattern and the partitions that are proposed from names: what they say, and that it fits them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.feeds.fit import check_fit
from platform_assets.feeds.partition_names import partition_key_of
from platform_assets.feeds.partitions import _resolve
from platform_assets.landing.dated_names import SPELLINGS
from platform_assets.landing.patterns import ArrivalPattern, PatternError
from platform_assets.landing.proposals import Proposal, propose


def partitions_of(words: Mapping[str, Any] | None) -> dg.PartitionsDefinition | None:
    """The partitions as defs.yaml would have them."""
    return _resolve(None, words)  # type: ignore[arg-type]


def fitting(paths: list[str]) -> Proposal:
    """The proposal, held against the feed that it would be: each path leads to the partition that it says."""
    made = propose(paths)
    pattern, partitions = ArrivalPattern(made.pattern), partitions_of(made.partitions)
    check_fit(pattern, partitions, "files")
    for path in paths:
        token = pattern.token(path)
        assert token is not None, made
        match = pattern.read(token)
        assert match is not None, made
        assert partition_key_of(partitions)(match) == made.keys.get(path, "snapshot")
    return made


@pytest.mark.parametrize(
    ("path", "pattern", "kind", "key"),
    [
        ("orders_2026-01-05.csv", "orders_%Y-%m-%d.csv", "daily", "2026-01-05"),
        ("orders/2026/01/05/orders.csv.gz", "orders/%Y/%m/%d/orders.csv.gz", "daily", "2026-01-05"),
        ("2026/2026-01-05.csv", "%Y/%Y-%m-%d.csv", "daily", "2026-01-05"),
        ("dt=2026-01-05/x.parquet", "dt=%Y-%m-%d/x.parquet", "daily", "2026-01-05"),
        ("05.01.2026.csv", "%d.%m.%Y.csv", "daily", "2026-01-05"),
        ("export_20260105_143022.csv", "export_%Y%m%d_*.csv", "daily", "2026-01-05"),
        ("2026-01-05T14:30:22_x.csv", "%Y-%m-%dT*_x.csv", "daily", "2026-01-05"),
        ("2026-01-05/13.jsonl", "%Y-%m-%d/%H.jsonl", "hourly", "2026-01-05-13:00"),
        ("x/2026/01/05/13/a.jsonl", "x/%Y/%m/%d/%H/a.jsonl", "hourly", "2026-01-05-13:00"),
        ("x_2026010513.csv.zst", "x_%Y%m%d%H.csv.zst", "hourly", "2026-01-05-13:00"),
        ("year=2026/month=01/day=05/hour=13/p.parquet", "year=%Y/month=%m/day=%d/hour=%H/p.parquet", "hourly",
         "2026-01-05-13:00"),
        ("dt=2026-01-05/hour=13/p.parquet", "dt=%Y-%m-%d/hour=%H/p.parquet", "hourly", "2026-01-05-13:00"),
        ("sales_2026-03.csv", "sales_%Y-%m.csv", "monthly", "2026-03-01"),
        ("sales_202603.csv", "sales_%Y%m.csv", "monthly", "2026-03-01"),
        ("2026/03/sales.csv", "%Y/%m/sales.csv", "monthly", "2026-03-01"),
        ("week_2026-W05.csv", "week_%G-W%V.csv", "weekly", "2026-01-26"),
        ("orders_2026-01-05_to_2026-01-06.csv", "orders_%Y-%m-%d_to_*.csv", "daily", "2026-01-05"),
        ("census_2024.csv", "census_%Y.csv", "time_window", "2024"),
        ("dt=2026-01-05/part-00000-abc.snappy.parquet", "dt=%Y-%m-%d/part-*.snappy.parquet", "daily", "2026-01-05"),
    ],
)  # fmt: skip
def test_a_time_in_a_name_makes_partitions(path: str, pattern: str, kind: str, key: str) -> None:
    made = fitting([path])
    assert (made.pattern, dict(made.partitions or {})["type"], made.keys) == (pattern, kind, {path: key})


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("products.parquet", "products.parquet"),
        ("orders 20261305.csv", "orders 20261305.csv"),
        ("2026-02-30.csv", "2026-02-30.csv"),
        ("id_12345678.csv", "id_12345678.csv"),
        ("x_1700000000.csv", "x_1700000000.csv"),
        ("10%_{x}.csv", "10%%_*x*.csv"),
        ("part-0001.csv", "part-*.csv"),
    ],
)
def test_a_name_without_a_time_makes_a_snapshot(path: str, pattern: str) -> None:
    made = fitting([path])
    assert (made.pattern, made.partitions) == (pattern, None)


@pytest.mark.parametrize(
    ("paths", "pattern", "keys"),
    [
        (["a_20260105.csv", "a_20260106.csv.gz"], "a_%Y%m%d.{csv,csv.gz}", ["2026-01-05", "2026-01-06"]),
        (["a_2026-01-05_north.csv", "a_2026-01-05_south.csv"], "a_%Y-%m-%d_*.csv", ["2026-01-05"] * 2),
        (["a/2026-01-05.csv", "b/2026-01-06.csv"], "*/%Y-%m-%d.csv", ["2026-01-05", "2026-01-06"]),
        (["regions/north.csv", "regions/south.csv"], "regions/{key}.csv", ["north", "south"]),
        (["sales_north_final.csv", "sales_south_final.csv"], "sales_{key}_final.csv", ["north", "south"]),
        (["part-1.csv", "part-2.csv"], "part-*.csv", []),
        (["orders.csv", "orders2.csv"], "orders*.csv", []),
    ],
)
def test_several_names_are_told_by_what_they_share(paths: list[str], pattern: str, keys: list[str]) -> None:
    made = fitting(paths)
    assert (made.pattern, list(made.keys.values())) == (pattern, keys)


def test_the_partitions_begin_with_the_earliest_sample() -> None:
    made = fitting(["a_2026-01-09.csv", "a_2026-01-05.csv"])
    assert dict(made.partitions or {})["start_date"] == "2026-01-05"


def test_files_at_different_depths_have_no_pattern() -> None:
    with pytest.raises(PatternError, match=r"a/b\.csv and c\.csv lie at different depths"):
        propose(["a/b.csv", "c.csv"])


@given(
    st.lists(st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1)), min_size=1, max_size=4),
    st.integers(0, 23),
    st.sampled_from([form for _, form in SPELLINGS if "*" not in form and form != "hour=%H"]),
    st.sampled_from(["orders_{}.csv", "in/{}/orders.csv", "{}.jsonl.gz", "a-b_{}_north.parquet", "10%_{}.csv"]),
)
def test_each_spelling_leads_back_to_its_time(days: list[dt.date], hour: int, form: str, around: str) -> None:
    times = [dt.datetime.combine(day, dt.time(hour)) for day in days]
    paths = list(dict.fromkeys(around.format(time.strftime(form)) for time in times))
    made = fitting(paths)
    assert made.partitions is not None


@given(st.lists(st.from_regex(r"[a-z0-9_./%-]{0,12}", fullmatch=True), min_size=1, max_size=3, unique=True))
def test_what_is_proposed_for_any_names_fits_them(names: list[str]) -> None:
    paths = [f"in/{name.strip('/').replace('//', '/').replace('..', '.')}x.csv" for name in names]
    if len({path.count("/") for path in paths}) == 1:
        fitting(list(dict.fromkeys(paths)))


@pytest.mark.parametrize(
    ("paths", "pattern"),
    [
        (["log_2026-11-01_2026-11-02.csv"], "log_%Y-%m-%d_*.csv"),
        (["log_2026-11-01_2026-11-02.csv", "log_2026-11-30_2026-12-01.csv"], "log_%Y-%m-%d_*.csv"),
        (["2026_11_01_2026_11_02.csv"], "%Y_%m_%d_*.csv"),
        (["us_11-25-2026.csv", "us_11-01-2026.csv"], "us_%m-%d-%Y.csv"),
    ],
)
def test_the_end_of_a_span_is_anything_and_one_date_decides_for_all(paths: list[str], pattern: str) -> None:
    proposal = propose(paths)
    assert (proposal.pattern, proposal.remark) == (pattern, "")


def test_a_date_that_could_be_another_is_remarked() -> None:
    assert "month-day-year" in propose(["us_11-01-2026.csv"]).remark
    assert propose(["us_25-11-2026.csv"]).remark == ""
    assert propose(["us_01.11.2026.csv"]).remark == ""


@pytest.mark.parametrize(
    "names", [["sales_2026Q3.csv"], ["sales_2026-Q3.csv", "sales_2026-Q4.csv"], ["sales_Q1_2026.csv"]]
)
def test_quarters_are_one_table_and_remarked(names: list[str]) -> None:
    proposal = propose(names)
    assert (proposal.pattern, proposal.partitions) == ("sales_*.csv", None)
    assert "is a quarter" in proposal.remark
