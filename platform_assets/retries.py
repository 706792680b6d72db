"""Work that is done again within a run when a retry can mend its failure; the wait grows from try to try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import tenacity

from platform_assets.failures import PlatformError, failure_of
from platform_assets.logs import logger

log = logger(__name__)

ATTEMPTS = 3
"""Tries within one run; whatever fails then is left to the retries of the run."""

FIRST_WAIT = 1.0
"""Seconds before the second try; twice as many before each one after it."""

T = TypeVar("T")


def waits() -> Iterator[float]:
    """Seconds to wait before the second try and each one after it."""
    for number in range(ATTEMPTS - 1):
        yield FIRST_WAIT * 2**number


def retried(work: Callable[[], T], *, what: str) -> T:
    """The result of ``work``, tried again while its failure is one that a retry can mend.

    ``what`` names the work in the log. Raises what the last try raised. What has waited long already, such as for a
    lease, is not tried again.
    """

    def report(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        wait = state.next_action.sleep if state.next_action is not None else 0.0
        reason = failure_of(error).message if error is not None else "it failed"
        log.warning("%s: %s; tried again in %.0f s", what, reason, wait)

    tries = tenacity.Retrying(
        retry=tenacity.retry_if_exception(can_help),
        wait=tenacity.wait_chain(*map(tenacity.wait_fixed, waits())),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        before_sleep=report,
        reraise=True,
    )
    return tries(work)


def can_help(error: BaseException) -> bool:
    """Whether another try within the run may end better: a retry can mend it, and it has not waited long already."""
    if not isinstance(error, Exception) or (isinstance(error, PlatformError) and error.has_waited):
        return False
    return failure_of(error).retryable
