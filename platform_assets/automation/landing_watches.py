"""The watches of this process: what an arrival sensor knows of files beyond their times of change, and what wakes it.

A tick begins them, never the loading of definitions: the process that runs are forked from must not have threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg

from platform_assets.feeds.feed import Feed
from platform_assets.instance.wakes import wake
from platform_assets.landing.notifications import QueueWatch
from platform_assets.landing.stability import KnownWhole, nothing_known
from platform_assets.landing.watch import LandingWatch
from platform_assets.landing.watched import WatchedFeed
from platform_assets.launching._compat import home_of
from platform_assets.platform_resource import PlatformResource
from platform_assets.stores.files import is_remote

_lock = threading.Lock()
_watches: dict[tuple[Path, str], LandingWatch | QueueWatch] = {}
_reported: set[tuple[str, str]] = set()


def sensor_name(feed: Feed) -> str:
    """The name of a feed's arrival sensor, by which it is woken."""
    return f"{feed.name}_arrivals"


@dataclass(frozen=True)
class Known:
    """What is known of a feed's files beyond what a look tells.

    ``known_whole`` says which are whole however short ago they changed, ``changed`` gives the paths of those that are
    known to have changed.
    """

    known_whole: KnownWhole = nothing_known
    changed: Callable[[], frozenset[str]] = frozenset


def watched(context: dg.SensorEvaluationContext, feed: Feed, platform: PlatformResource) -> Known:
    """Watch the feed's landing place from now on.

    Ticks of a code server only: one that a program evaluates ends with the program. Below a URL there is something to
    watch only if a queue of notifications is configured.
    """
    landing, queue = platform.landing, platform.landing_events
    if context.instance_ref is None or (is_remote(landing) and not queue):
        return Known()
    name, home = sensor_name(feed), home_of(context.instance_ref)
    watch = _watch(home, landing, queue)
    watch.add(WatchedFeed(name, feed.pattern, feed.completeness, feed.has_single_files))
    if watch.trouble is not None and (name, watch.trouble) not in _reported:
        _reported.add((name, watch.trouble))
        context.log.info(f"{feed.name}: some files are seen by the next tick, not at once: {watch.trouble}")
    if isinstance(watch, QueueWatch):
        return Known(changed=partial(watch.take_hints, name))
    return Known(known_whole=lambda found: watch.was_moved(name, found.path, found.status))


def _watch(home: Path, landing: str, queue: str) -> LandingWatch | QueueWatch:
    with _lock:
        if (home, landing) not in _watches:
            waking = partial(wake, home)
            made = QueueWatch(landing, queue, waking) if is_remote(landing) else LandingWatch(Path(landing), waking)
            _watches[home, landing] = made
        return _watches[home, landing]
