"""What a notifier is given of a run that failed. Who gets to know, and how, is the notifier's own business.

A package announces a notifier by an entry point of the group ``platform_assets.notifiers``: a function that takes a
:class:`FailedRun`. The sensor that calls them is in ``automation``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from platform_assets.failures import Failure


@dataclass(frozen=True)
class FailedPartition:
    """One partition of one asset that failed, with the kind, the code, who acts and the next step in ``failure``."""

    asset: str
    partition: str
    failure: Failure


@dataclass(frozen=True)
class FailedRun:
    """A run that failed.

    ``message`` is Dagster's. ``partitions`` are the platform's failures, of each asset the first fifty; ``counts`` says
    how many there are of each kind. Both are empty for a run that failed by something else, such as a process that
    died. ``link`` leads to the run in the UI, where `PLATFORM_UI_URL` is set.
    """

    run_id: str
    job: str
    message: str
    partitions: tuple[FailedPartition, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    link: str | None = None


Notifier = Callable[[FailedRun], object]
