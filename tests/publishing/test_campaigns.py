"""Real processes, for both ways of publishing: killed at random moments and at every failpoint, and racing."""

from __future__ import annotations

import itertools
import random
import signal
import time

import pytest

from platform_assets.publishing.readers import ledger_history, unreadable
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing.campaign import Campaign
from tests.publishing.marts import DAYS, MART, TABLE
from tests.publishing.support import ASSET, Lake
from tests.publishing.test_leases import AFTER_COMMIT, BEFORE_COMMIT
from tests.publishing.writer import PARTITIONS, ROWS
from tests.support.campaigns import REPEATS

KINDS = ["files", "in_place"]


@pytest.mark.slow
@pytest.mark.timeout(300 * REPEATS)
@pytest.mark.parametrize("kind", KINDS)
def test_kill_9_at_random_moments(warehouse: Warehouse, lake: Lake, kind: str) -> None:
    generator = random.Random(20240229)
    campaign = Campaign(kind, warehouse, lake)
    at_work, took = 0, 0.5
    for moment in itertools.count():
        # moments at which nobody works prove nothing: how many there are depends on how the machine is loaded
        if moment >= 10 * REPEATS and (at_work >= REPEATS or moment >= 60 * REPEATS):
            break
        campaign.prepare(f"k{moment}-", 6)
        process = campaign.start(f"k{moment}-", count=1000)
        # one of five falls anywhere between the start of the process and the first publication, the others into the
        # two publications after one to three are done
        done = moment % 5 and generator.randrange(1, 4)
        for _ in range(done):
            process.readline()
        time.sleep(generator.uniform(0, 2 * took if done else 1.5))
        process.kill()
        process.wait()
        at_work += campaign.leases() > 0
        assert len(set(campaign.whole().values())) <= 1
        # the next run does not wait for the lease of the dead, which lasts a minute
        campaign.prepare(f"n{moment}", 0)
        started = time.monotonic()
        assert set(campaign.publish(f"n{moment}")) == {"published"}
        took = time.monotonic() - started
        assert set(campaign.whole().values()) == {f"n{moment}"}
        assert campaign.leases() == 0
    assert at_work >= REPEATS


IN_PLACE = ["before_open", "opened", "audited", "before_commit", "recorded"]
POINTS = [("files", name) for name in BEFORE_COMMIT + AFTER_COMMIT]
POINTS += [("in_place", name) for name in [f"publish.in_place.{n}" for n in IN_PLACE] + BEFORE_COMMIT + AFTER_COMMIT]


@pytest.mark.parametrize(("kind", "name"), POINTS)
@pytest.mark.slow
def test_kill_9_at_every_failpoint(warehouse: Warehouse, lake: Lake, kind: str, name: str) -> None:
    campaign = Campaign(kind, warehouse, lake)
    campaign.publish("old")
    assert campaign.start("new", failpoint=name).wait() == -signal.SIGKILL
    found = campaign.whole()
    assert len(found) == 3
    assert set(found.values()) == {"new0" if name in AFTER_COMMIT else "old"}
    again = campaign.start("new")
    assert again.wait() == 0
    assert set(campaign.whole().values()) == {"new0"}
    assert campaign.leases() == 0


@pytest.mark.slow
def test_two_processes_race_and_a_reader_sees_whole_partitions(warehouse: Warehouse, lake: Lake) -> None:
    """Fifty races for the same partitions at the same moment, each from a version that is there to one of the two."""
    campaign = Campaign("files", warehouse, lake)
    campaign.publish("first")
    for version in ("l", "r"):
        campaign.prepare(version, 50)
    racers = [campaign.start(version, count=50) for version in ("l", "r")]
    looks = 0
    while any(racer.poll() is None for racer in racers):
        with warehouse.session(read_only=True) as session:
            rows = session.execute(
                "SELECT s._partition, count(*), count(DISTINCT v), min(v) = max(l.version) FROM raw.sales AS s JOIN "
                "(SELECT partition_key, version, row_number() OVER (PARTITION BY partition_key ORDER BY token DESC) "
                "AS n FROM platform.ledger WHERE state = 'published') AS l ON l.partition_key = s._partition AND n = 1 "
                "GROUP BY 1 ORDER BY 1"
            )
        assert rows == [(partition, ROWS, 1, True) for partition in PARTITIONS]
        assert unreadable(warehouse, asset=ASSET, partitions=PARTITIONS) == {}
        looks += 1
    assert [racer.wait() for racer in racers] == [0, 0]
    assert looks > 20
    assert set(campaign.whole().values()) <= {"l49", "r49"}
    tokens = [entry.token for entry in ledger_history(warehouse, asset=ASSET, partition="a", limit=1000)]
    assert tokens == list(range(len(tokens), 0, -1))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_race_in_place_and_a_reader_sees_what_has_a_verdict(warehouse: Warehouse, lake: Lake) -> None:
    """What the ledger opens of a mart is whole at every moment; what is being overwritten is closed."""
    campaign = Campaign("in_place", warehouse, lake)
    campaign.publish("first")
    racers = [campaign.start(version, count=min(50, 10 * REPEATS)) for version in ("l", "r")]
    opened = looks = 0
    while any(racer.poll() is None for racer in racers):
        with warehouse.session(read_only=True) as session:
            # one statement, as readers beside writers need it
            looked = session.execute(
                "SELECT partition_key, state, run_id, version_found, versions, found "
                "FROM (SELECT l.partition_key, l.state, l.run_id, row_number() OVER (PARTITION BY partition_key "
                "ORDER BY token DESC, CASE state WHEN 'pending' THEN 1 ELSE 0 END) AS n FROM platform.ledger AS l "
                "WHERE asset = ?) AS r LEFT JOIN (SELECT CAST(day AS VARCHAR) AS day, max(v) AS version_found, "
                f"count(DISTINCT v) AS versions, count(*) AS found FROM {TABLE} GROUP BY 1) AS m "
                "ON m.day = r.partition_key WHERE n = 1",
                [MART],
            )
            copied = session.execute(
                "SELECT _partition, count(DISTINCT v), count(*) FROM published.daily GROUP BY 1 ORDER BY 1"
            )
        assert copied == [(day, 1, ROWS) for day in DAYS]
        for _, state, run, *whole in looked:
            assert state != "rejected"
            opened += state == "published"
            assert state == "pending" or whole == [run, 1, ROWS]
        looks += 1
    assert [racer.wait() for racer in racers] == [0, 0]
    assert looks > 20
    assert opened > 20
    assert len(set(campaign.whole().values())) == 1
