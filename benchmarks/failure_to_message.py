"""From failures to messages at the receiver, by a real `dagster dev` with its sensor `alerts`.

    python benchmarks/failure_to_message.py [--failures 500]

One run fails with so many assets at once, each an incident of its own. Prints the median and the 95th percentile of the
seconds between the event of the failed run and the message at an HTTP receiver that answers as Slack does. The floor of
the same run is the same number of messages, posted one after the other by Slack's own client. Then it prints what a
round costs when nothing has happened.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
from slack_sdk import WebClient

from benchmarks._dev_server import DevServer
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.rounds import AlertRound
from tests.support.receivers import SlackReceiver

MODULE = "failing"
PROGRAM = """\
from pathlib import Path

import dagster as dg

from platform_assets.automation.alerting.sensor import alerts_sensor


def failing(number):
    @dg.asset(name=f"asset_{{number}}")
    def made():
        raise ValueError(number)

    return made


defs = dg.Definitions(
    [failing(number) for number in range({failures})],
    sensors=[alerts_sensor(Path(__file__).parent)],
    executor=dg.in_process_executor,
)
"""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
WAIT_SECONDS = 120


def floor(receiver: SlackReceiver, messages: int) -> float:
    """Seconds for so many messages by one client."""
    client = WebClient(receiver.token, base_url=f"{receiver.url}/")
    began = time.perf_counter()
    for number in range(messages):
        client.chat_postMessage(channel=f"#{receiver.NAME}", text=f"message {number}")
    return time.perf_counter() - began


def fail(instance: dg.DagsterInstance, definitions: dg.Definitions) -> float:
    """One run with all assets; when its failure was recorded."""
    job = definitions.resolve_implicit_global_asset_job_def()
    run = job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)
    events = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
    return events[0].event_log_entry.timestamp


def arrivals(receiver: SlackReceiver, expected: int) -> list[float]:
    """The time of arrival of each first message, once all are there."""
    found: list[float] = []
    end = time.monotonic() + WAIT_SECONDS
    while len(found) < expected:
        assert time.monotonic() < end, f"{len(found)} of {expected} messages arrived"
        found += [time.time()] * (len(receiver.first_messages) - len(found))
        time.sleep(0.01)
    return found


def cost_at_rest(instance: dg.DagsterInstance, definitions: dg.Definitions, file: Path) -> float:
    """CPU milliseconds of a round in which nothing has happened."""
    location, rounds = Location.of(definitions.get_repository_def()), 20
    began = time.process_time()
    for _ in range(rounds):
        AlertRound.of(instance, location, file).run(seconds=0)
    return (time.process_time() - began) / rounds * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--failures", type=int, default=500, help="assets that fail at once")
    failures = parser.parse_args().failures
    root = Path(tempfile.mkdtemp(prefix="failure-to-message-"))
    with SlackReceiver() as measured:
        lowest = floor(measured, failures)
    with SlackReceiver() as receiver:
        os.environ["SLACK_BOT_TOKEN"] = receiver.token
        channel = f'{{slack: {{channel: "#{receiver.NAME}", base_url: "{receiver.url}"}}}}'
        file = root / "alerts.yaml"
        file.write_text(f"channels: {{team: {channel}}}\ndefault: [team]\n")
        (root / "pyproject.toml").touch()
        (root / f"{MODULE}.py").write_text(PROGRAM.format(failures=failures))
        server = DevServer(root, MODULE)
        try:
            sys.path.insert(0, str(root))
            definitions = __import__(MODULE).defs
            os.environ["DAGSTER_HOME"] = str(root / "dagster")
            with dg.DagsterInstance.get() as instance:
                recorded = fail(instance, definitions)
                seconds = [moment - recorded for moment in arrivals(receiver, failures)]
                p95 = seconds[round(0.95 * len(seconds)) - 1]
                print(f"{failures} messages by Slack's client alone (floor): {lowest:.2f} s")
                print(
                    f"{failures} failures at once: p50 {statistics.median(seconds):.1f} s, p95 {p95:.1f} s, "
                    f"last {seconds[-1]:.1f} s; {p95 / lowest:.1f} floors"
                )
                print(f"a round at rest: {cost_at_rest(instance, definitions, file):.0f} ms of CPU, every 10 s")
        finally:
            server.stop()
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
