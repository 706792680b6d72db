"""Runs from a preloaded process, by a real `dagster dev`: quick, apart, never of old code, reported when they die."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from platform_assets.launching.worker_process import WORKER_TAG
from tests.support.servers import Servers, configure_instance, free_port, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEFINITIONS = """\
import os, sys, time
from pathlib import Path
import dagster as dg
import duckdb, pyarrow  # both have a thread of their allocator

VERSION = "one"
HERE = Path(__file__).parent


@dg.asset
def about():
    known = "colorsys" in sys.modules
    import colorsys
    assert duckdb.sql("SELECT sum(i) FROM range(1000000) t(i)").fetchone() == (499999500000,)
    assert pyarrow.table({"n": [1]}).num_rows == 1
    told = {"pid": os.getpid(), "parent": os.getppid(), "version": VERSION, "known": known}
    return dg.MaterializeResult(metadata=told)


@dg.asset
def endless():
    (HERE / "begun").touch()
    while True:
        time.sleep(0.05)


defs = dg.Definitions(assets=[about, endless], executor=dg.in_process_executor)
"""
LAUNCH = """
mutation($parameters: ExecutionParams!) { launchPipelineExecution(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } } }
"""
RUN = """
query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value }
  assetMaterializations { metadataEntries { label ... on TextMetadataEntry { text } ... on IntMetadataEntry { intValue }
    ... on BoolMetadataEntry { boolValue } } }
  eventConnection { events { __typename ... on MessageEvent { message } } } } } }
"""
TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"


@dataclass
class Shop:
    """A project of two assets and its `dagster dev`."""

    root: Path
    servers: Servers

    @property
    def code(self) -> Path:
        return self.root / "shop.py"

    def launch(self, asset: str) -> str:
        """Launch a run of the asset; its id."""
        selector = {
            "repositoryLocationName": "shop",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [asset]}],
        }
        data = self.servers.graphql(LAUNCH, parameters={"selector": selector, "mode": "default", "runConfigData": {}})
        assert data["launchPipelineExecution"]["__typename"] == "LaunchRunSuccess", data
        return str(data["launchPipelineExecution"]["run"]["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.servers.graphql(RUN, id=run_id)["runOrError"])

    def ended(self, run_id: str) -> dict[str, Any]:
        """The run, once it is over."""
        over = ("SUCCESS", "FAILURE", "CANCELED")
        wait_for("the end of the run", lambda: self.run(run_id)["status"] in over)
        return self.run(run_id)

    def about(self) -> dict[str, Any]:
        """What a run of `about` said of itself; `log` holds its messages."""
        run = self.ended(self.launch("about"))
        assert run["status"] == "SUCCESS", messages(run)
        (entries,) = [m["metadataEntries"] for m in run["assetMaterializations"]]
        told = {e["label"]: e.get("text", e.get("intValue", e.get("boolValue"))) for e in entries}
        return {**told, "log": messages(run)}

    def begin_endless(self) -> tuple[str, int]:
        """A run that does not end by itself; its id and its process."""
        (self.root / "begun").unlink(missing_ok=True)
        run_id = self.launch("endless")
        wait_for("the endless step", (self.root / "begun").exists)
        tags = wait_for("the tag", lambda: {t["key"]: t["value"] for t in self.run(run_id)["tags"]}.get(WORKER_TAG))
        return run_id, json.loads(tags)["pid"]


def messages(run: dict[str, Any]) -> str:
    return "\n".join(event.get("message", "") for event in run["eventConnection"]["events"])


@pytest.fixture(name="shop", scope="module")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("shop")
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (root / "shop.py").write_text(DEFINITIONS)
    configure_instance(root)
    (root / "workspace.yaml").write_text("load_from: [{python_module: {module_name: shop, location_name: shop}}]\n")
    servers = Servers(root, free_port(), root)
    try:
        servers.start("dagster", "dev", "-w", "workspace.yaml", "-p", str(servers.port))
        wait_for("the webserver", lambda: servers.graphql("{ version }"), seconds=300)
        yield Shop(root, servers)
    finally:
        servers.stop()


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
    assert shop.servers.graphql(TERMINATE, id=run_id)["terminateRun"]["__typename"] == "TerminateRunSuccess"
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
    shop.servers.graphql(TERMINATE, id=running)
    assert shop.ended(running)["status"] == "CANCELED"


def test_a_module_that_starts_a_thread_is_not_forked(shop: Shop) -> None:
    text = shop.code.read_text()
    thread = "import threading\nthreading.Thread(target=time.sleep, args=(3600,), daemon=True, name='mine').start()\n"
    shop.code.write_text(text.replace("VERSION =", f"{thread}VERSION ="))
    told = shop.about()
    assert "without a preloaded process: its definitions have started 1 threads (mine)" in told["log"]
    shop.code.write_text(text)
    later = shop.about()
    assert "without a preloaded process" in later["log"], "it is refused until the code location is loaded again"
    reload = 'mutation { reloadRepositoryLocation(repositoryLocationName: "shop") { __typename } }'
    shop.servers.graphql(reload)
    end = time.monotonic() + 120
    while "without a preloaded process" in shop.about()["log"]:
        assert time.monotonic() < end
