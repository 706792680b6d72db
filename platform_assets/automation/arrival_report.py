"""What a tick of the arrival sensor writes into its log."""

import logging
from collections.abc import Sequence, Set

from platform_assets.automation.reconciler import Request
from platform_assets.feeds.feed import Feed
from platform_assets.lake.names import shown
from platform_assets.landing.found import Arrivals
from platform_assets.landing.walk import ROOT
from platform_assets.logs import logger
from platform_assets.wording import counted

log = logger(__name__)

SHOWN = 20


def report_arrivals(log: logging.Logger, feed: Feed, found: Arrivals, news: Set[str]) -> None:
    """What was found and is not taken; ``news`` are the paths that could still be looked at by the last tick."""
    name = feed.name
    for path, kind in list(found.irregular.items())[:SHOWN]:
        log.warning(f"{name}: {shown(path)} is {kind}, not a file: left alone")
    for path, why in list(found.faults.items())[:SHOWN]:
        if path != ROOT:
            log.warning(f"{name}: {shown(path)}: {why}; the partitions whose files may lie there wait")
        elif path in news:
            log.warning(f"{name}: {why}; every partition waits")
    for path in found.unmatched[:SHOWN]:
        why = feed.why_unmatched(path)
        log.warning(f"{name}: {shown(path)} is part of no delivery of the feed ({why}): left alone")
    if len(found.unmatched) > SHOWN:
        log.warning(f"{name}: {len(found.unmatched) - SHOWN} more files are part of no delivery")
    for key, why in list(found.waiting.items())[:SHOWN]:
        log.info(f"{name}: {key} is not complete yet: {why}")


def report_withdrawn(log: logging.Logger, feed: Feed, count: int, keys: Sequence[str]) -> None:
    """That deliveries which were ingested have left the landing folder; ``keys`` are those that were found last."""
    named = ", ".join(shown(key) for key in keys[-SHOWN:])
    log.warning(
        f"{feed.name}: the files of {counted(count, 'ingested partition')} are no longer in the landing folder "
        f"(last found: {named or 'none'}). What was published of them stays published"
    )


def log_requests(requests: Sequence[Request]) -> None:
    """What a tick found and asks runs for."""
    keys, again = [request.delivery.partition for request in requests], sum(request.tries > 1 for request in requests)
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    named = ", ".join(shown(key) for key in keys[:SHOWN])
    found = counted(len(keys), "delivery", "deliveries")
    log.info("found %s, %d of them asked for again: %s%s", found, again, named, more)


def quiet_reason(feed: str, found: Arrivals) -> str:
    """Why a tick asks for nothing."""
    if ROOT in found.faults:
        return found.faults[ROOT]
    if found.waiting:
        key, why = min(found.waiting.items())
        counting = counted(len(found.waiting), "delivery is", "deliveries are")
        return f"of {feed} {counting} not complete yet ({shown(key)}: {why})"
    return f"nothing new for {feed}"
