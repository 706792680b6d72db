"""A process that looks and tells without end, to be killed: `python -m tests.automation.alert_router ROOT`."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg

from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.rounds import AlertRound


def main(root: Path) -> None:
    with dg.DagsterInstance.from_config(str(root / "dagster")) as instance:
        location = Location.of(dg.Definitions().get_repository_def())
        print("ready", flush=True)
        while True:
            AlertRound.of(instance, location, root / "alerts.yaml").run(seconds=1.0, claim=15.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
