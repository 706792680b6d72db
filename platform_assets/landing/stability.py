"""When a file of a landing folder counts as complete: unchanged for long enough, or known to be whole before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from platform_assets.landing.found import Found

CLOCK_STEP_NS = 20 * 10**6
"""The clock that a file system stamps changes with moves in steps of up to so much."""

FAR_AHEAD_NS = 120 * 10**9
"""A time of change so far in the future is from before the clock was set back, or of another machine's clock."""

KnownWhole = Callable[[Found], bool]
"""Whether a file is known to be whole as it was found, however short ago it changed."""


def nothing_known(_: Found) -> bool:
    """Nothing is known of any file but its time of change."""
    return False


def whole_up_to(changed_ns: int) -> KnownWhole:
    """Files that changed up to this time are known to be whole, by a look before this one."""
    return lambda found: found.changed_ns <= changed_ns


@dataclass(frozen=True)
class Stability:
    """The answer for one look at ``now_ns``; ``lists_files`` says that markers are manifests, whose content counts."""

    settle_seconds: float
    now_ns: int
    known_whole: KnownWhole
    lists_files: bool = False

    @property
    def stable_before_ns(self) -> int:
        """What did not change after this time is stable."""
        return self.now_ns - int(self.settle_seconds * 1e9)

    @property
    def ahead_ns(self) -> int:
        """A change after this time says nothing."""
        return self.now_ns + FAR_AHEAD_NS

    def is_stable(self, found: Found) -> bool:
        """Whether it is complete by its time of change."""
        return not self.stable_before_ns < found.changed_ns <= self.ahead_ns

    def is_whole(self, found: Found, marked_ns: int = 0) -> bool:
        """Whether one that is not stable yet is complete all the same.

        A marker is, unless it lists files, and what did not change after its marker, which came at ``marked_ns``. What
        changes while it is looked at is not: it must be over by the clock that it is stamped with.
        """
        if found.changed_ns > self.now_ns - CLOCK_STEP_NS:
            return False
        is_sign = found.is_marker and not self.lists_files
        return is_sign or found.changed_ns <= marked_ns or self.known_whole(found)
