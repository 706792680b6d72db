"""A process that holds or counts failures: ``python -m tests.holds.writer HOME NAME hold|fail COUNT``."""

from __future__ import annotations

import sys
from pathlib import Path

from platform_assets.failpoints import arm_from_environment
from platform_assets.failures import Failure, Kind
from platform_assets.holds.breaker import Step, record
from platform_assets.holds.holds import Hold, hold
from tests.instance.support import instance

FAILURE = Failure(Kind.REJECTED, "gate", "too few rows")


def main(home: str, name: str, what: str, count: str) -> None:
    arm_from_environment()
    with instance(Path(home), "quick", process=name) as on:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(int(count)):
            if what == "hold":
                hold(on, [Hold(f"raw/{name}{number}", "a test", name, 1.0)], 1.0)
            else:
                record(on, [Step("raw/orders", {"d": FAILURE}, counts=True)], {"raw/orders": int(count)}, 1.0 + number)


if __name__ == "__main__":
    main(*sys.argv[1:])
