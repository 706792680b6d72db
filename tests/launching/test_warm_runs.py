"""Runs from a preloaded process, by a real `dagster dev`: quick, apart, never of old code, reported when they die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.launching.shop import Shop, shop_in
from tests.support.served_project import messages
from tests.support.servers import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(name="shop", scope="module")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop_in(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


def test_a_code_location_is_loaded_before_its_first_run(shop: Shop) -> None:
    loaded = wait_for("the preloaded process", shop.preloaded)
    assert shop.about()["parent"] == loaded
    reload = 'mutation { reloadRepositoryLocation(repositoryLocationName: "shop") { __typename } }'
    shop.servers.graphql(reload)
    again = wait_for("another after the reload", lambda: (pid := shop.preloaded()) != loaded and pid)
    assert shop.about()["parent"] == again


def test_each_run_has_a_process_of_its_own_with_what_earlier_ones_imported(shop: Shop) -> None:
    first, second, third = shop.about(), shop.about(), shop.about()
    assert "without a preloaded process" not in first["log"] + second["log"] + third["log"]
    assert len({run["pid"] for run in (first, second, third)}) == 3
    assert {run["parent"] for run in (first, second, third)} == {first["parent"]}
    assert third["known"], "what a run imports is imported for later ones"


def test_changed_code_is_the_code_of_the_next_run(shop: Shop) -> None:
    before = shop.about()
    text = shop.code.read_text()
    shop.code.write_text(text.replace(f'VERSION = "{before["version"]}"', 'VERSION = "two"'))
    after = shop.about()
    assert (before["version"], after["version"]) == ("one", "two")
    assert after["parent"] != before["parent"]
    wait_for("the end of the older preloaded process", lambda: not psutil.pid_exists(before["parent"]))


def test_a_killed_run_is_reported_at_once(shop: Shop) -> None:
    run_id, pid = shop.begin_endless()
    os.kill(pid, signal.SIGKILL)
    run = shop.ended(run_id)
    assert run["status"] == "FAILURE"
    assert "was killed by signal 9" in messages(run)


def test_a_terminated_run_is_canceled(shop: Shop) -> None:
    run_id, pid = shop.begin_endless()
    shop.terminate(run_id)
    assert shop.ended(run_id)["status"] == "CANCELED"
    wait_for("the end of its process", lambda: not psutil.pid_exists(pid))


def test_the_preloaded_process_is_killed(shop: Shop) -> None:
    before = shop.about()
    running, _ = shop.begin_endless()
    os.kill(before["parent"], signal.SIGKILL)
    after = shop.about()
    assert after["parent"] != before["parent"]
    assert "without a preloaded process" not in after["log"]
    assert shop.run(running)["status"] == "STARTED", "runs outlive it"
    shop.terminate(running)
    assert shop.ended(running)["status"] == "CANCELED"


def test_a_module_that_starts_a_thread_is_not_forked(shop: Shop) -> None:
    text = shop.code.read_text()
    thread = "import threading\nthreading.Thread(target=time.sleep, args=(3600,), daemon=True, name='mine').start()\n"
    shop.code.write_text(text.replace("VERSION =", f"{thread}VERSION ="))
    told = shop.about()
    assert "without a preloaded process: what it has imported runs another thread (mine)" in told["log"]
    shop.code.write_text(text)
    reload = 'mutation { reloadRepositoryLocation(repositoryLocationName: "shop") { __typename } }'
    shop.servers.graphql(reload)
    end = time.monotonic() + 120
    while "without a preloaded process" in shop.about()["log"]:
        assert time.monotonic() < end
