"""The external asset `landing/<feed>`: what was delivered, and the check that nothing else lies there."""

import time

import dagster as dg

from platform_assets.feeds.feed import Feed
from platform_assets.feeds.landing_events import RECOGNIZED, recognized


def landing_check(feed: Feed) -> dg.AssetChecksDefinition:
    """The check `recognized`. Each step that ingests evaluates it too; this one is for a look in between."""

    @dg.asset_check(
        asset=feed.landing_key,
        name=RECOGNIZED,
        description="Every file in the feed's landing folder is a plain file whose name fits a partition.",
        required_resource_keys={"platform"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        folder = feed.landing(context.resources.platform.landing)
        found = recognized(feed, folder.deliveries(set(), now_ns=time.time_ns()))
        return dg.AssetCheckResult(passed=found.passed, severity=found.severity, metadata=found.metadata)

    return check
