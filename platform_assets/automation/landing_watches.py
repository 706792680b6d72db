"""The watches of this process: what an arrival sensor knows of files beyond their times of change, and what wakes it.

A tick begins them, never the loading of definitions: the process that runs are forked from must not have threads.
"""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import dagster as dg

from platform_assets.feeds.feed import Feed
from platform_assets.landing.found import Found
from platform_assets.landing.stability import KnownWhole, nothing_known
from platform_assets.landing.watch import LandingWatch
from platform_assets.landing.watched import WatchedFeed
from platform_assets.launching._compat import home_of
from platform_assets.launching.wakes import wake
from platform_assets.stores.files import is_remote

_lock = threading.Lock()
_watches: dict[tuple[Path, Path], LandingWatch] = {}
_reported: set[tuple[str, str]] = set()


def sensor_name(feed: Feed) -> str:
    """The name of a feed's arrival sensor, by which it is woken."""
    return f"{feed.name}_arrivals"


def watched(context: dg.SensorEvaluationContext, feed: Feed, landing: str) -> KnownWhole:
    """Watch the feed's landing folder from now on; the answer says which files were moved into place.

    Ticks of a code server only: one that a program evaluates ends with the program. Below a URL nothing is watched.
    """
    if context.instance_ref is None or is_remote(landing):
        return nothing_known
    name, place = sensor_name(feed), (home_of(context.instance_ref), Path(landing))
    with _lock:
        if place not in _watches:
            _watches[place] = LandingWatch(place[1], partial(wake, place[0]))
        watch = _watches[place]
    watch.add(WatchedFeed(name, feed.pattern, feed.completeness, feed.has_single_files))
    if watch.trouble is not None and (name, watch.trouble) not in _reported:
        _reported.add((name, watch.trouble))
        context.log.info(f"{feed.name}: some files are seen by the next tick, not at once: {watch.trouble}")

    def known_whole(found: Found) -> bool:
        return watch.was_moved(name, found.path, found.status)

    return known_whole
