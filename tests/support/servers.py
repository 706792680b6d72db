"""A Dagster webserver and daemon of their own for a test, on loopback, ended by the process ids that started them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, condition: Callable[[], Any], *, seconds: float = 120) -> Any:
    """The first true value of ``condition``; fails with ``what`` when none came in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds:g} s for {what}")


@dataclass
class Servers:
    """The servers of one instance below ``home``; what they print is in ``home/logs``.

    They are started in ``folder``, with ``variables`` in their environment.
    """

    home: Path
    port: int
    folder: Path = ROOT
    variables: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "PLATFORM", "DBT"))
        }
        home = {"PLATFORM_HOME": str(self.home), "DAGSTER_HOME": str(self.home / "dagster")}
        return {**kept, **home, **self.variables}

    def start(self, name: str, *arguments: str) -> None:
        """Start a program of the environment's bin folder in a process group of its own."""
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # what a shell starts in the background ignores Ctrl-C, and so would all that it starts
            signal.signal(signal.SIGINT, signal.default_int_handler)
        logs = self.home / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            command = [str(Path(sys.executable).with_name(name)), *arguments]
            self.processes.append(
                subprocess.Popen(
                    command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
                )
            )

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment's bin folder to its end."""
        command = [str(Path(sys.executable).with_name(name)), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def graphql(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer; None while the server does not answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                reply = json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None
        assert not reply.get("errors"), reply["errors"]
        return reply["data"]

    def partitions(self, key: str) -> dict[str, int]:
        """numMaterialized, numFailed, numMaterializing and numPartitions of an asset."""
        data = self.graphql(
            "query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {"
            " partitionStats { numMaterialized numFailed numMaterializing numPartitions } } } }",
            key={"path": key.split("/")},
        )
        return dict(data["assetNodeOrError"]["partitionStats"])

    def descendants(self) -> list[psutil.Process]:
        """Every process that the servers have started, and those that these have."""
        found = []
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                found += psutil.Process(process.pid).children(recursive=True)
        return found

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()


OURS = ("run_launcher", "run_coordinator", "storage", "compute_logs")
"""Of dagster.yaml, what takes the place of a part of Dagster's own."""


def configure_instance(home: Path) -> None:
    """The instance of a laptop below ``home``, as `make` configures it.

    With ``PLATFORM_INSTANCE=stock`` in the environment it has Dagster's own launcher, queue and storage: the same tests
    have to pass.
    """
    (home / "dagster").mkdir(parents=True, exist_ok=True)
    config = yaml.safe_load((ROOT / "deploy" / "local" / "dagster.yaml").read_text())
    if os.environ.get("PLATFORM_INSTANCE") == "stock":
        config = {key: value for key, value in config.items() if key not in OURS}
    (home / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(config))


STOP_SENSORS = """
query { sensorsOrError(repositorySelector: {
  repositoryLocationName: "platform_assets", repositoryName: "__repository__"}) {
    ... on Sensors { results { id name } } } }
"""


@contextmanager
def servers(home: Path, *, sensors: bool) -> Iterator[Servers]:
    """Webserver and daemon on a fresh instance below ``home``; with ``sensors`` off every sensor is stopped first."""
    configure_instance(home)
    started = Servers(home, free_port())
    workspace = str(ROOT / "workspace.yaml")
    try:
        started.start("dagster-webserver", "-w", workspace, "-h", "127.0.0.1", "-p", str(started.port))
        listed = wait_for("the webserver", lambda: started.graphql(STOP_SENSORS))
        if not sensors:
            for sensor in listed["sensorsOrError"]["results"]:
                started.graphql(
                    "mutation($id: String!) { stopSensor(id: $id) { __typename ... on PythonError { message } } }",
                    id=sensor["id"],
                )
        started.start("dagster-daemon", "run", "-w", workspace)
        yield started
    finally:
        started.stop()
