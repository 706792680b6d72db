"""What may go wrong with runs from a preloaded process: no run is lost, none goes on with an old environment."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator

import dagster as dg
import psutil
import pytest

from platform_assets.feeds import run_tags
from tests.launching.shop import Shop, shop_in
from tests.support.campaigns import CAMPAIGN
from tests.support.served_project import OVER, messages
from tests.support.servers import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MAX_RUNS = 20


@pytest.fixture(name="shop", scope="module")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop_in(tmp_path_factory.mktemp("faults"), monitoring_seconds=2, max_runs=MAX_RUNS) as shop:
        yield shop


def test_the_environment_of_a_run_is_that_of_the_env_file_now(shop: Shop) -> None:
    assert shop.about()["word"] == ""
    for word in ("first", "second"):
        (shop.root / ".env").write_text(f"SHOP_WORD={word}\n")
        assert shop.about()["word"] == word
    (shop.root / ".env").unlink()
    assert shop.about()["word"] == ""


def test_a_run_that_leaks_takes_its_memory_along(shop: Shop) -> None:
    parent = shop.about()["parent"]
    before = psutil.Process(parent).memory_info().rss
    leaked = shop.about("leaking")
    assert leaked["parent"] == parent
    assert leaked["bytes"] == 1024 * 400_000
    assert psutil.Process(parent).memory_info().rss - before < 64 * 2**20


def test_a_run_beyond_its_time_limit_is_ended(shop: Shop) -> None:
    run_id = shop.launch("endless", dagster__max_runtime="1")
    pid = shop.process_of(run_id)
    assert shop.ended(run_id)["status"] in ("FAILURE", "CANCELED")
    wait_for("the end of its process", lambda: not psutil.pid_exists(pid))


def test_a_process_that_outlives_its_run_holds_up_nobody(shop: Shop) -> None:
    run_id = shop.launch("leaving")
    assert shop.ended(run_id)["status"] == "SUCCESS"
    pid = shop.process_of(run_id)
    wait_for("the run's process to be gone", lambda: not psutil.pid_exists(pid))
    assert shop.about()["log"]
    (shop.root / "left").touch()


def test_killed_runs_are_all_reported_and_cost_no_other(shop: Shop) -> None:
    """`kill -9` at random moments of runs, several at a time: each ends as failed or as done, each once."""
    seed = random.randrange(10**6)
    print("seed", seed)
    moments = random.Random(seed)
    ended: dict[str, str] = {}
    killed = 0
    while killed < 50 * CAMPAIGN:
        batch = [shop.launch("writing") for _ in range(4)]
        for run_id in batch:
            pid = shop.process_of(run_id)
            time.sleep(moments.random() * 0.3)
            try:
                os.kill(pid, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                pass  # it was over by then, and counts as no kill
        for run_id in batch:
            ended[run_id] = shop.ended(run_id)["status"]
    assert set(ended.values()) <= {"SUCCESS", "FAILURE"}
    done = list(ended.values()).count("SUCCESS")
    written = (shop.root / "written").read_text()
    assert done, "some were over before they were killed"
    assert written.count(".") <= len(ended)
    assert done <= written.count("|")
    assert shop.about()["log"], "the launcher goes on"


def test_a_preloaded_process_is_replaced_after_so_many_runs(shop: Shop) -> None:
    parents = [shop.about()["parent"] for _ in range(MAX_RUNS + 2)]
    assert 2 <= len(set(parents)) <= 3
    wait_for("the end of the first", lambda: not psutil.pid_exists(parents[0]))


def test_code_changed_in_the_middle_of_runs_is_that_of_every_later_run(shop: Shop) -> None:
    text = shop.code.read_text()
    running, _ = shop.begin_endless()
    for i in range(5):
        shop.code.write_text(text.replace('VERSION = "one"', f'VERSION = "v{i}"'))
        batch = [shop.launch("about") for _ in range(3)]
        for run_id in batch:
            run = shop.ended(run_id)
            told = {e["label"]: e.get("text") for m in run["assetMaterializations"] for e in m["metadataEntries"]}
            assert told["version"] == f"v{i}", messages(run)
    assert shop.run(running)["status"] == "STARTED", "a run that had begun goes on with the code that it began with"
    shop.terminate(running)
    assert shop.ended(running)["status"] == "CANCELED"
    shop.code.write_text(text)


def test_a_signal_to_the_whole_group_leaves_no_run_open(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the terminal of `dagster dev` reaches the runs as well."""
    running, pid = shop.begin_endless()
    preloaded = psutil.Process(pid).ppid()
    (dev,) = shop.servers.processes
    os.killpg(dev.pid, signal.SIGINT)
    wait_for("the end of the run's process", lambda: not psutil.pid_exists(pid))
    wait_for("the end of the preloaded process", lambda: not psutil.pid_exists(preloaded))
    monkeypatch.setenv("DAGSTER_HOME", str(shop.root / "dagster"))
    with dg.DagsterInstance.from_config(str(shop.root / "dagster")) as instance:
        run = instance.get_run_by_id(running)
        assert run is not None
        assert run.status.value in OVER
        assert json.loads(run.tags[run_tags.WORKER])["pid"] == pid
    dev.wait()
    shop.servers.processes.clear()
    shop.start()
    assert shop.about()["log"]
