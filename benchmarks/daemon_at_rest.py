"""What a `dagster dev` does while nothing arrives: CPU seconds a minute of its daemon and its code server.

    python benchmarks/daemon_at_rest.py [--feeds 5 200] [--minutes 1]

For each number of feeds the CPU seconds a minute, the ticks a minute, and their ratio to the floor of the same run: the
same project with its sensors stopped.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks._dev_server import DevServer
from benchmarks._feeds_project import MODULE, write_project

SENSORS = """{ sensorsOrError(repositorySelector: {repositoryLocationName: "feeds.definitions",
  repositoryName: "__repository__"}) { ... on Sensors { results {
    id name sensorState { ticks(limit: 1000) { timestamp } } } } } }"""
STOP = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"


def sensors(server: DevServer) -> list[dict]:
    while True:
        answer = server.ask(SENSORS)
        found = ((answer or {}).get("sensorsOrError") or {}).get("results")
        if found:
            return [sensor for sensor in found if sensor["name"].endswith("_arrivals")]
        time.sleep(1)


def processes(server: DevServer) -> dict[str, list[psutil.Process]]:
    """The daemon and the code server of a `dagster dev`, by name."""
    found: dict[str, list[psutil.Process]] = {"daemon": [], "code server": []}
    for process in psutil.Process(server.process.pid).children(recursive=True):
        words = " ".join(process.cmdline())
        if "dagster._daemon" in words or "dagster-daemon" in words:
            found["daemon"].append(process)
        elif "code-server" in words or "api grpc" in words or "dagster api" in words:
            found["code server"].append(process)
    return found


def used(server: DevServer) -> dict[str, float]:
    return {name: sum(sum(process.cpu_times()[:2]) for process in group) for name, group in processes(server).items()}


def minute(server: DevServer, minutes: float) -> tuple[dict[str, float], float]:
    """CPU seconds a minute by process, and ticks a minute."""
    before, began = used(server), time.time()
    time.sleep(60 * minutes)
    after, seconds = used(server), time.time() - began
    ticks = sum(
        began <= tick["timestamp"] < began + seconds
        for sensor in sensors(server)
        for tick in sensor["sensorState"]["ticks"]
    )
    return {name: (after[name] - before[name]) * 60 / seconds for name in before}, ticks * 60 / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, nargs="*", default=[5, 200])
    parser.add_argument("--minutes", type=float, default=1.0)
    arguments = parser.parse_args()
    for count in arguments.feeds:
        root = Path(tempfile.mkdtemp(prefix="at-rest-"))
        write_project(root, {f"feed_{number}": "" for number in range(count)})
        server = DevServer(root, MODULE)
        try:
            while not all(sensor["sensorState"]["ticks"] for sensor in sensors(server)):
                time.sleep(2)
            work, ticks = minute(server, arguments.minutes)
            for sensor in sensors(server):
                server.ask(STOP, id=sensor["id"])
            floor, _ = minute(server, arguments.minutes / 2)
        finally:
            server.stop()
            shutil.rmtree(root, ignore_errors=True)
        for name, seconds in work.items():
            print(f"{count} feeds: {name} {seconds:.1f} CPU seconds a minute ({floor[name]:.1f} without sensors)")
        print(f"{count} feeds: {ticks:.0f} ticks a minute", flush=True)


if __name__ == "__main__":
    main()
