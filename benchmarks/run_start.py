"""From launch to success: a run of a trivial asset, one at a time and hundreds at once, 8 at a time.

    python benchmarks/run_start.py [--runs 20] [--burst 500] [--stock-burst 40]

Prints the median of single runs through GraphQL and by `platform-assets launch`, runs a minute of a burst, and the most
memory that all processes together had (each page shared by several counts once). Once with the storage, launcher and
queue of deploy/local, once with Dagster's own, each under a `dagster dev` of its own on the same project: the ratio is
Dagster's to ours. The floor of the same run is an asset that is materialized in a process that is running already.
"""

import argparse
import contextlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
import psutil

from benchmarks._dev_server import DevServer

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
WAYS = {"deploy/local": (), "Dagster's own": ("run_launcher", "run_coordinator", "storage", "compute_logs")}
"""What is left out of deploy/local's dagster.yaml for each way."""


class Dev(DevServer):
    """A `dagster dev` on a project of one asset in ``root``."""

    def __init__(self, root: Path, without: tuple[str, ...]) -> None:
        (root / "pyproject.toml").write_text("[project]\nname = 'trivial'\n")
        (root / "trivial.py").write_text(CODE)
        super().__init__(root, "trivial", without=without)
        self.done = self.most_memory = 0

    def by_command(self) -> float:
        """Seconds of a command that launches a run and waits for its success."""
        program = str(Path(sys.executable).with_name("platform-assets"))
        began = time.perf_counter()
        subprocess.run(
            [program, "launch", "trivial", "--url", f"http://127.0.0.1:{self.port}"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.done += 1
        return time.perf_counter() - began

    def memory(self) -> int:
        """Bytes of all processes, each shared page counted once."""
        total = 0
        for process in [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total

    def seconds(self, runs: int) -> float:
        """Seconds from the first launch of so many runs until all have succeeded."""
        began = time.perf_counter()
        for _ in range(runs):
            answer = self.ask(LAUNCH, p={"selector": SELECTION, "mode": "default", "runConfigData": {}})
            assert answer, "the webserver does not answer"
            assert answer["launchPipelineExecution"]["__typename"] == "LaunchRunSuccess", answer
        self.done += runs
        while (self.ask(DONE) or {"runsOrError": {"count": 0}})["runsOrError"]["count"] < self.done:
            # a question costs the machine's time as well
            time.sleep(0.01 if runs == 1 else 0.5)
            if runs > 1:
                self.most_memory = max(self.most_memory, self.memory())
        return time.perf_counter() - began


def in_process() -> float:
    @dg.asset
    def trivial() -> None: ...

    with dg.instance_for_test() as instance:
        began = time.perf_counter()
        dg.materialize([trivial], instance=instance, run_config=QUIET)
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20, help="single runs; the median counts")
    parser.add_argument("--burst", type=int, default=500, help="runs that are launched at once, 8 at a time")
    parser.add_argument("--stock-burst", type=int, default=40, help="the same with Dagster's own")
    arguments = parser.parse_args()
    in_process()
    print(f"in a process that is there already: {statistics.median(in_process() for _ in range(5)):.2f} s")
    single, burst = {}, {}
    for way, without in WAYS.items():
        root = Path(tempfile.mkdtemp(prefix="run-start-"))
        dev = Dev(root, without)
        number = arguments.stock_burst if without else arguments.burst
        try:
            first = dev.seconds(1)
            single[way] = statistics.median(dev.seconds(1) for _ in range(arguments.runs))
            command = statistics.median(dev.by_command() for _ in range(arguments.runs))
            idle = dev.memory()
            burst[way] = 60 * number / dev.seconds(number)
        finally:
            dev.stop()
            shutil.rmtree(root, ignore_errors=True)
        print(f"{way}: {single[way]:.2f} s (the first {first:.1f} s), {command:.2f} s from the command line")
        print(f"    {number} at once: {burst[way]:.0f} a minute, none lost; ", end="")
        print(f"memory {idle / 2**20:.0f} MB idle, {dev.most_memory / 2**20:.0f} MB at most")
    ours, stock = WAYS
    print(f"ratio: {single[stock] / single[ours]:.1f} for one run, {burst[ours] / burst[stock]:.1f} for many")


if __name__ == "__main__":
    main()
