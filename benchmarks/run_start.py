"""From launch to success: a run of a trivial asset through GraphQL, and many of them at once.

    python benchmarks/run_start.py [--runs 7] [--burst 40]

Prints the median of single runs, and runs a minute of a burst, with the launcher and the queue of deploy/local and with
Dagster's own, each under a `dagster dev` of its own on the same project: the ratio is Dagster's to ours. The floor of
the same run is an asset that is materialized in a process that is running already.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import dagster as dg
import yaml

LOCAL = Path(__file__).resolve().parents[1] / "deploy" / "local" / "dagster.yaml"
CODE = "import dagster as dg\n\n\n@dg.asset\ndef trivial(): ...\n\n\n@dg.definitions\ndef defs():\n"
CODE += "    return dg.Definitions(assets=[trivial], executor=dg.in_process_executor)\n"
LAUNCH = "mutation($p: ExecutionParams!) { launchPipelineExecution(executionParams: $p) { __typename } }"
DONE = "{ runsOrError(filter: {statuses: [SUCCESS]}) { ... on Runs { count } } }"
SELECTION = {
    "repositoryLocationName": "trivial",
    "repositoryName": "__repository__",
    "pipelineName": "__ASSET_JOB",
    "assetSelection": [{"path": ["trivial"]}],
}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
WAYS = {"deploy/local": (), "Dagster's own": ("run_launcher", "run_coordinator")}
"""What is left out of deploy/local's dagster.yaml for each way."""


class Dev:
    """A `dagster dev` on the project in ``root``."""

    def __init__(self, root: Path, without: tuple[str, ...]) -> None:
        home = root / "dagster"
        home.mkdir(parents=True)
        config = {key: value for key, value in yaml.safe_load(LOCAL.read_text()).items() if key not in without}
        config["concurrency"]["runs"]["max_concurrent_runs"] = 8
        (home / "dagster.yaml").write_text(yaml.safe_dump(config))
        (root / "pyproject.toml").write_text("[project]\nname = 'trivial'\n")
        (root / "trivial.py").write_text(CODE)
        workspace = "load_from: [{python_module: {module_name: trivial, location_name: trivial}}]\n"
        (root / "workspace.yaml").write_text(workspace)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        program = str(Path(sys.executable).with_name("dagster"))
        with (root / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [program, "dev", "-w", "workspace.yaml", "-p", str(self.port)],
                cwd=root, env={**os.environ, "DAGSTER_HOME": str(home)}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.done = 0
        while self.ask(DONE) is None:
            time.sleep(0.2)

    def ask(self, query: str, **variables: object) -> dict | None:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def seconds(self, runs: int) -> float:
        """Seconds from the first launch of so many runs until all have succeeded."""
        began = time.perf_counter()
        for _ in range(runs):
            answer = self.ask(LAUNCH, p={"selector": SELECTION, "mode": "default", "runConfigData": {}})
            assert answer, "the webserver does not answer"
            assert answer["launchPipelineExecution"]["__typename"] == "LaunchRunSuccess", answer
        self.done += runs
        while (self.ask(DONE) or {"runsOrError": {"count": 0}})["runsOrError"]["count"] < self.done:
            time.sleep(0.02)
        return time.perf_counter() - began

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def in_process() -> float:
    @dg.asset
    def trivial() -> None: ...

    with dg.instance_for_test() as instance:
        began = time.perf_counter()
        dg.materialize([trivial], instance=instance, run_config=QUIET)
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7, help="single runs; the median counts")
    parser.add_argument("--burst", type=int, default=40, help="runs that are launched at once, 8 at a time")
    arguments = parser.parse_args()
    in_process()
    print(f"in a process that is there already: {statistics.median(in_process() for _ in range(5)):.2f} s")
    single, burst = {}, {}
    for way, without in WAYS.items():
        root = Path(tempfile.mkdtemp(prefix="run-start-"))
        dev = Dev(root, without)
        try:
            first = dev.seconds(1)
            single[way] = statistics.median(dev.seconds(1) for _ in range(arguments.runs))
            burst[way] = 60 * arguments.burst / dev.seconds(arguments.burst)
        finally:
            dev.stop()
            shutil.rmtree(root, ignore_errors=True)
        print(f"{way}: {single[way]:.2f} s (the first {first:.1f} s); {burst[way]:.0f} runs a minute")
    ours, stock = WAYS
    print(f"ratio: {single[stock] / single[ours]:.1f} for one run, {burst[ours] / burst[stock]:.1f} for many")


if __name__ == "__main__":
    main()
