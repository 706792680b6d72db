"""What the run after one that had too little time or memory is given: tags, which stand for more of either."""

from __future__ import annotations

from collections.abc import Mapping

from platform_assets.announced import MORE, announced
from platform_assets.failures import Kind
from platform_assets.feeds import run_tags
from platform_assets.logs import logger

log = logger(__name__)

ONCE_MORE = (Kind.TIMEOUT, Kind.MEMORY)
"""Kinds after which the next run is given more."""


def tags_for_more(kind: Kind, tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of the run after one that had too little time or memory, whose ``tags`` are given.

    Twice the time, where Dagster ends the run after a time; and what announced functions add, such as a larger pod.
    """
    more = {run_tags.MORE: kind.value}
    if kind is Kind.TIMEOUT and (seconds := run_tags.number(tags, run_tags.MAX_RUNTIME)):
        more[run_tags.MAX_RUNTIME] = str(2 * seconds)
    for name, entry in sorted(announced(MORE).items()):
        try:
            more |= {str(key): str(value) for key, value in dict(entry.load()(kind.value, dict(tags))).items()}
        except Exception as error:
            log.warning("%s, announced for %s: %s; the run has no more by it", name, MORE, type(error).__name__)
    return more
