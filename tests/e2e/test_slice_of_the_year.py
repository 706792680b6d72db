"""Ten days of the real year, end to end: a good week, a bad day among good ones, and what happens after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.publishing.readers import ledger_history
from tests.support.year import Platform, daily_files, failures, platform

FIRST, BAD, LAST = "2013-02-01", "2013-02-05", "2013-02-10"
DAYS = [f"2013-02-{day:02}" for day in range(1, 11)]
LAYERS = (
    "staging/stg_flights",
    "intermediate/int_flights_enriched",
    "marts/airport_delays",
    "published/airport_delays",
)


@pytest.fixture(name="year")
def _year(tmp_path: Path) -> Iterator[Platform]:
    with platform(tmp_path) as year:
        year.land(*DAYS)
        result = year.run()
        assert result.success, failures(result)
        yield year


def source_rows(day: str) -> int:
    return daily_files()[("flights", day)].count("\n") - 1


def assert_published_is_what_was_sent(year: Platform) -> None:
    counted = dict(year.rows("SELECT _partition, count(*) FROM raw.flights GROUP BY 1"))
    assert counted == {day: source_rows(day) for day in DAYS}
    published = dict(year.rows("SELECT _partition, sum(departures)::INT FROM published.airport_delays GROUP BY 1"))
    assert published == counted


def cut_short(year: Platform, day: str) -> None:
    """A delivery that is well-formed and far too small: the row count gate refuses it."""
    lines = year.flights(day).read_text().splitlines(keepends=True)
    year.flights(day).write_text("".join(lines[:50]))


def break_mart(year: Platform, day: str) -> None:
    """A carrier that no airline has: the contract holds, a dbt test on the day does not."""
    text = year.flights(day).read_text().replace(",UA,", ",QQ,", 1)
    year.flights(day).write_text(text)


@pytest.mark.slow
def test_a_range_in_one_run_has_the_truth_for_each_day(year: Platform) -> None:
    assert year.run(FIRST, LAST).success
    for layer in ("lake/flights", "raw/flights", *LAYERS):
        assert year.materialized(layer) == set(DAYS), layer
    assert_published_is_what_was_sent(year)


@pytest.mark.slow
def test_a_day_that_a_gate_refuses_is_red_alone_and_closed_to_every_reader(year: Platform) -> None:
    cut_short(year, BAD)
    result = year.run(FIRST, LAST)
    assert not result.success
    good = set(DAYS) - {BAD}
    for layer in ("raw/flights", *LAYERS):
        assert year.materialized(layer) == good, layer
    assert year.materialized("lake/flights") == set(DAYS)
    assert all(step.endswith("_verdict") for step in failures(result))
    assert "row_count" in failures(result)["raw__flights_verdict"]
    assert result.dagster_run.tags.get("dagster/failure_reason")
    assert year.instance.get_run_by_id(result.run_id).tags["dagster/max_retries"] == "0"
    assert BAD not in dict(year.rows("SELECT _partition, count(*) FROM raw.flights GROUP BY 1"))

    by_hand = year.run(BAD, select="key:marts/airport_delays")
    message = failures(by_hand)["dbt__flights__models"]
    assert "intermediate/int_flights_enriched" in message
    assert BAD in message
    read_raw = year.run(BAD, select="key:staging/stg_flights")
    message = failures(read_raw)["dbt__flights__models"]
    assert "raw/flights" in message
    assert "row_count" in message
    assert result.run_id in message

    year.land(BAD)
    assert year.run(BAD).success
    for layer in ("raw/flights", *LAYERS):
        assert year.materialized(layer) == set(DAYS), layer
    assert_published_is_what_was_sent(year)


@pytest.mark.slow
def test_a_failing_dbt_test_on_one_day_holds_that_day_alone(year: Platform) -> None:
    break_mart(year, BAD)
    result = year.run(FIRST, LAST)
    assert not result.success
    good = set(DAYS) - {BAD}
    for layer in ("raw/flights", "staging/stg_flights"):
        assert year.materialized(layer) == set(DAYS), layer
    for layer in LAYERS[1:]:
        assert year.materialized(layer) == good, layer
    assert "relationships" in failures(result)["intermediate__int_flights_enriched_verdict"]
    refused = failures(year.run(BAD, select="key:published/airport_delays"))["published__airport_delays"]
    assert "marts/airport_delays" in refused
    assert "relationships" in refused


@pytest.mark.slow
def test_a_rejected_new_version_leaves_the_last_good_one_in_place(year: Platform) -> None:
    assert year.run(FIRST, LAST).success
    before = year.rows("SELECT * FROM published.airport_delays ORDER BY ALL")
    cut_short(year, BAD)
    assert not year.run(BAD).success
    assert year.rows("SELECT * FROM published.airport_delays ORDER BY ALL") == before
    states = [entry.state.value for entry in ledger_history(year.warehouse, asset="raw/flights", partition=BAD)]
    assert states == ["rejected", "published"]
    again = year.run(FIRST, LAST, select="key:raw/flights")
    assert not again.success, "the day that was left out is told, although its last good version stands"
    assert f"1 of {len(DAYS)} partitions" in failures(again)["raw__flights_verdict"]


@pytest.mark.slow
def test_running_again_changes_nothing(year: Platform) -> None:
    def hashes() -> list[tuple]:
        return year.rows(
            "SELECT DISTINCT asset, partition_key, content_hash FROM platform.ledger "
            "WHERE state = 'published' ORDER BY ALL"
        )

    assert year.run(FIRST, LAST).success
    before = hashes(), year.rows("SELECT * FROM published.route_statistics ORDER BY ALL")
    assert year.run(FIRST, LAST).success
    assert (hashes(), year.rows("SELECT * FROM published.route_statistics ORDER BY ALL")) == before


@pytest.mark.slow
def test_a_missing_delivery_is_missing_and_its_neighbours_are_not(year: Platform) -> None:
    year.flights(BAD).unlink()
    result = year.run(FIRST, LAST)
    assert not result.success
    assert "no file has arrived" in failures(result)["lake__flights_verdict"]
    assert year.materialized("lake/flights") == set(DAYS) - {BAD}
    assert year.materialized("published/route_statistics") == set(DAYS) - {BAD}


@pytest.mark.slow
def test_a_day_on_which_nothing_is_due_is_done_with_its_reason(year: Platform) -> None:
    year.land("2013-12-31")
    assert year.run("2013-12-31").success
    assert year.materialized("raw/weather") == {"2013-12-31"}
    assert year.materialized("published/airport_delays") == {"2013-12-31"}
    entry = ledger_history(year.warehouse, asset="raw/weather", partition="2013-12-31")[0]
    assert entry.content.value == "not_due"
    assert "export ends" in entry.message


@pytest.mark.slow
def test_one_partition_of_everything_is_one_run_in_which_snapshots_stay_snapshots(year: Platform) -> None:
    result = year.run(DAYS[0], select="kind:duckdb")
    assert result.success, failures(result)
    assert year.rows("SELECT DISTINCT _partition FROM raw.airlines") == [("snapshot",)]
    assert year.materialized("published/airport_delays") == {DAYS[0]}
