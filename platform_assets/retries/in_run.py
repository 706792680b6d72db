"""Work that is done again within a run, as the policy of the kind of its failure says."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from platform_assets.failures import PlatformError, failure_of
from platform_assets.logs import logger
from platform_assets.retries.policy import DEFAULT, Layer, Policy, Random

log = logger(__name__)

T = TypeVar("T")


def pause(seconds: float) -> None:
    """Wait between two tries. An interrupt ends it."""
    time.sleep(seconds)


@dataclass(frozen=True)
class Tries:
    """How a step tries again: by the ``policy`` of its asset, once only in a run that is ``repeated`` itself."""

    policy: Policy = DEFAULT
    random: Random = field(default_factory=lambda: random.SystemRandom().random)
    repeated: bool = False

    def wait(self, error: BaseException, attempt: int) -> float | None:
        """Seconds to wait after the attempt of that number ended in ``error``; None if it was the last one.

        What has waited long already, such as for a lease, is not tried again within the run.
        """
        if self.repeated or not isinstance(error, Exception):
            return None
        if isinstance(error, PlatformError) and error.has_waited:
            return None
        backoff = self.policy.backoff(failure_of(error).kind, Layer.IN_RUN)
        return backoff.delay(attempt, self.random) if attempt < backoff.attempts else None


def retried(work: Callable[[], T], *, what: str, tries: Tries | None = None) -> T:
    """The result of ``work``, tried again while the policy has another try for its failure.

    ``what`` names the work in the log. Raises what the last try raised.
    """
    tries, attempt = tries or Tries(), 1
    while True:
        try:
            return work()
        except Exception as error:
            wait = tries.wait(error, attempt)
            if wait is None:
                raise
            log.warning("%s: %s; tried again in %.0f s", what, failure_of(error).message, wait)
        pause(wait)
        attempt += 1
