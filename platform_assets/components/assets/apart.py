"""Publishing a range so that what goes wrong with one partition costs that partition alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from platform_assets.failures import Failure, Kind, failure_of
from platform_assets.logs import logger
from platform_assets.publishing.verdicts import Verdict
from platform_assets.retries.in_run import Tries, retried

log = logger(__name__)

T = TypeVar("T")


def published_apart(
    publish: Callable[[Sequence[T]], list[Verdict]],
    items: Sequence[T],
    *,
    key: Callable[[T], str],
    what: str,
    at_once: int | None = None,
    tries: Tries | None = None,
) -> tuple[list[Verdict], dict[str, Failure]]:
    """The verdicts on ``items``, and the failure of each partition that got none; ``key`` gives an item's partition.

    All, or ``at_once`` after each other, are published together. If that ends in an error that nobody thought of, each
    half is tried by itself, down to the partition at fault. Failures of other kinds are those of all items: what a
    retry can mend was tried again, as ``tries`` says.
    """
    size = at_once or max(1, len(items))
    verdicts: list[Verdict] = []
    failures: dict[str, Failure] = {}
    for start in range(0, len(items), size):
        found, failed = _apart(publish, items[start : start + size], key=key, what=what, tries=tries)
        verdicts += found
        failures |= failed
    return verdicts, failures


def _apart(
    publish: Callable[[Sequence[T]], list[Verdict]],
    items: Sequence[T],
    *,
    key: Callable[[T], str],
    what: str,
    tries: Tries | None,
) -> tuple[list[Verdict], dict[str, Failure]]:
    try:
        return retried(lambda: publish(items), what=what, tries=tries), {}
    except Exception as error:
        failure = failure_of(error)
        if failure.kind is Kind.BUG:
            # its text may quote a row
            log.error(  # noqa: TRY400
                "%s: %s of %d partitions at once: %s", what, failure.kind, len(items), failure.code
            )
        else:
            log.warning("%s: %s", what, failure.message)
        if failure.kind is not Kind.BUG or len(items) == 1:
            return [], {key(item): failure for item in items}
    middle = len(items) // 2
    verdicts, failures = _apart(publish, items[:middle], key=key, what=what, tries=tries)
    more_verdicts, more_failures = _apart(publish, items[middle:], key=key, what=what, tries=tries)
    return [*verdicts, *more_verdicts], {**failures, **more_failures}
