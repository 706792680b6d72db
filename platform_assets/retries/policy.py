"""The retry policy: for each kind of failure, how many attempts each layer makes, and how long it waits in between.

Three layers retry. ``IN_RUN``: the step itself, in the run that failed. ``RUN_RETRIES``: Dagster's daemon starts the
run again. ``AUTOMATION``: the arrival sensor asks for the partition again. A run has one of the last two, never both:
what the sensor asked for is asked for again by the sensor, any other run is started again by Dagster. A run that is
itself a retry tries each piece of its work once. So the attempts of a partition add up, and are not multiplied.

Plain values only. How the file `retries.yaml` becomes a policy is in `platform_assets.retry_file`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from platform_assets.failures import Kind

Random = Callable[[], float]
"""Gives numbers from 0 to 1, such as the method ``random`` of a ``random.Random``."""


def seeded(*words: str) -> Random:
    """Numbers by chance that are always the same for the same words."""
    return random.Random(" ".join(words)).random  # noqa: S311 - it spreads retries and guards nothing


class Layer(StrEnum):
    """Who makes the next attempt."""

    IN_RUN = "in_run"
    RUN_RETRIES = "run_retries"
    AUTOMATION = "automation"


@dataclass(frozen=True)
class Backoff:
    """``attempts`` of one layer, the first one included, with growing waits in between.

    The wait before the second attempt is ``first_seconds``, before each later one ``factor`` times as long, and at most
    ``cap_seconds``. Each is shortened by chance, by up to the share ``jitter`` of it.
    """

    attempts: int = 1
    first_seconds: float = 60.0
    factor: float = 2.0
    cap_seconds: float = 3600.0
    jitter: float = 0.1

    def delay(self, attempt: int, random: Random) -> float:
        """Seconds to wait after the attempt of that number, which counts from 1, whether or not another one is due."""
        # beyond this number of attempts every wait has come to its cap
        wait = min(self.first_seconds * self.factor ** min(max(attempt, 1) - 1, 64), self.cap_seconds)
        return wait * (1 - self.jitter * random())

    def delays(self, random: Random) -> tuple[float, ...]:
        """Seconds before the second attempt and each one after it."""
        return tuple(self.delay(attempt, random) for attempt in range(1, self.attempts))


ONCE = Backoff()
"""One attempt, and none after it."""


@dataclass(frozen=True)
class Policy:
    """The policy of one asset. A kind that ``backoffs`` does not hold for a layer has one attempt there.

    After ``failures`` failures in a row the asset is held (0: never). What has no attempt left, and waits for something
    of the machine or for a secret, is asked for by the arrival sensor at most ``probes`` times more: as one partition
    of its feed every ``probe_seconds``, or because another partition was published.
    """

    backoffs: Mapping[tuple[Kind, Layer], Backoff]
    failures: int = 5
    probes: int = 24
    probe_seconds: float = 3600.0

    def backoff(self, kind: Kind, layer: Layer) -> Backoff:
        """How the layer retries failures of that kind."""
        return self.backoffs.get((kind, layer), ONCE)

    def attempts(self, kind: Kind, layer: Layer) -> int:
        """How many attempts the layer makes, the first one included."""
        return self.backoff(kind, layer).attempts

    def delays(self, kind: Kind, layer: Layer, random: Random) -> tuple[float, ...]:
        """Seconds before each further attempt of the layer; empty if it makes one attempt alone."""
        return self.backoff(kind, layer).delays(random)


LAYERS: Mapping[Kind, tuple[Layer, ...]] = {
    Kind.NOT_DELIVERED: (Layer.AUTOMATION,),
    Kind.INFRASTRUCTURE: tuple(Layer),
    Kind.TIMEOUT: tuple(Layer),
    Kind.MEMORY: tuple(Layer),
}
"""The kinds that are retried at all, and the layers that may do it. For all others a person has to act first."""

AFTER_A_CAUSE = (Kind.INFRASTRUCTURE, Kind.TIMEOUT, Kind.MEMORY, Kind.CREDENTIALS)
"""Kinds whose cause lies outside of the partition: once another partition is published, it may be gone."""

PROBED = (Kind.INFRASTRUCTURE, Kind.TIMEOUT, Kind.MEMORY)
"""Kinds whose cause may go without anybody's doing."""

DEFAULT = Policy(
    {
        (Kind.NOT_DELIVERED, Layer.AUTOMATION): Backoff(6, first_seconds=300, factor=2, cap_seconds=3600),
        (Kind.INFRASTRUCTURE, Layer.IN_RUN): Backoff(3, first_seconds=1, factor=2, cap_seconds=30),
        (Kind.INFRASTRUCTURE, Layer.RUN_RETRIES): Backoff(3, first_seconds=30, factor=4, cap_seconds=600),
        (Kind.INFRASTRUCTURE, Layer.AUTOMATION): Backoff(3, first_seconds=60, factor=10, cap_seconds=3600),
        (Kind.TIMEOUT, Layer.RUN_RETRIES): Backoff(2, first_seconds=60, factor=2, cap_seconds=600),
        (Kind.TIMEOUT, Layer.AUTOMATION): Backoff(2, first_seconds=300, factor=2, cap_seconds=3600),
        (Kind.MEMORY, Layer.RUN_RETRIES): Backoff(2, first_seconds=30, factor=2, cap_seconds=600),
        (Kind.MEMORY, Layer.AUTOMATION): Backoff(2, first_seconds=60, factor=2, cap_seconds=3600),
    }
)
"""What holds without a file. A failure of the infrastructure has 3 attempts in its run, and 2 runs after it."""


@dataclass(frozen=True)
class Policies:
    """The policy of each asset: that of the first of ``by_pattern`` whose pattern its name fits, else ``default``."""

    default: Policy = DEFAULT
    by_pattern: tuple[tuple[str, Policy], ...] = field(default=())

    def of(self, asset: str) -> Policy:
        """The policy of an asset, such as raw/orders."""
        found = (policy for pattern, policy in self.by_pattern if fnmatchcase(asset, pattern))
        return next(found, self.default)

    def digest(self, asset: str) -> str:
        """A few letters that change with the policy of the asset."""
        policy = self.of(asset)
        rules = sorted((kind.value, layer.value, str(found)) for (kind, layer), found in policy.backoffs.items())
        text = f"{rules} {policy.failures} {policy.probes} {policy.probe_seconds}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]
