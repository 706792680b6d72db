"""Which time limit holds for an asset.

The first of these that says something wins:

1. the asset itself, by its tag TAG or that of its op: the largest, where a step makes several assets;
2. `limits: assets:` of `retries.yaml`, the first pattern that the asset's name fits;
3. its usual duration, times ``factor``, but at least ``least_seconds``;
4. `limits: default:` of `retries.yaml`, else 6 hours.

How the file becomes :class:`Limits` is in ``limits_file``; where a usual duration comes from is the caller's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from statistics import median

from platform_assets.limits.clock import Limit
from platform_assets.limits.durations import seconds_of, shown

TAG = "platform/time_limit"
DEFAULT = Limit(6 * 3600.0, "the default of every asset")
ENOUGH = 3
"""Earlier runs from which a usual duration is learned at least."""


@dataclass(frozen=True)
class Earlier:
    """A step that succeeded earlier: how long it took, for how many partitions."""

    seconds: float
    partitions: int


@dataclass(frozen=True)
class Limits:
    """What a project says of time limits. Without ``learned`` the usual duration decides nothing."""

    default: Limit = DEFAULT
    by_pattern: tuple[tuple[str, Limit], ...] = ()
    learned: bool = True
    factor: float = 10.0
    least_seconds: float = 1800.0

    def said(self, tags: Mapping[str, Mapping[str, str]]) -> Limit | None:
        """The limit of a step that its assets (name -> tags) or the file say; None if neither does.

        Raises ValueError for a tag that is no duration.
        """
        own = [limit for name, of in tags.items() if (limit := limit_of_tags(name, of)) is not None]
        found = own or [limit for name in tags if (limit := self._of_pattern(name)) is not None]
        return max(found, key=lambda limit: limit.seconds, default=None)

    def _of_pattern(self, name: str) -> Limit | None:
        return next((limit for pattern, limit in self.by_pattern if fnmatchcase(name, pattern)), None)

    def of_history(self, earlier: Sequence[Earlier], partitions: int) -> Limit | None:
        """The learned limit of a step over so many partitions; None if too little is known."""
        if not self.learned or len(earlier) < ENOUGH:
            return None
        each = median(step.seconds / max(1, step.partitions) for step in earlier)
        usual = max(median(step.seconds for step in earlier), each * partitions)
        seconds = max(self.least_seconds, round(usual * self.factor))
        return Limit(seconds, f"{self.factor:g} times its usual duration of {usual:.0f} s")


def limit_of_tags(name: str, tags: Mapping[str, str]) -> Limit | None:
    """The limit that the tags of an asset or op say; None if there is none. Raises ValueError for no duration."""
    if TAG not in tags:
        return None
    try:
        return Limit(seconds_of(tags[TAG]), f"the tag {TAG} of {name}")
    except ValueError as error:
        raise ValueError(f"{name}: the tag {TAG}: {error}") from None


def message_of(name: str, limit: Limit) -> str:
    """What is reported of a step whose limit is over."""
    return f"{name} took longer than its time limit of {shown(limit.seconds)} ({limit.source}) and was ended"


NEXT_STEP = (
    "see in the log what it waited for; if the work needs longer, raise the limit by the tag platform/time_limit, "
    "`time_limit` in defs.yaml or `limits` in retries.yaml"
)
