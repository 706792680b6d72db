"""What an arrival sensor knows of failures: how partitions failed last, and what has to change to begin anew."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import dagster as dg

from platform_assets.automation.digests import digest
from platform_assets.automation.holdings import contract_as_a_whole
from platform_assets.automation.reconciler import Failed
from platform_assets.feeds.feed import Feed
from platform_assets.holds.breaker import failures_of
from platform_assets.holds.holds import Held
from platform_assets.platform_resource import PlatformResource

CODE_SERVER = secrets.token_hex(4)
"""Tells this process, the code server that evaluates sensors, from the one before it.

A new one has new code and a new environment. Both mend failures that no attempt mends: a secret that was missing, a
wrong setting, a bug.
"""


def failed_partitions(instance: dg.DagsterInstance, feed: Feed, keys: Sequence[str]) -> dict[str, Failed]:
    """How each of the partitions failed last in a step of the feed, as far as a step has said it."""
    if not keys:
        return {}
    found: dict[str, Failed] = {}
    for of_asset in failures_of(instance, [key.to_user_string() for key in (feed.raw_key, feed.lake_key)]).values():
        for key in keys:
            if key in of_asset.kinds:
                last = of_asset.kinds[key]
                if key not in found or found[key].at_ns < int(last.at * 10**9):
                    found[key] = Failed(last.kind, int(last.at * 10**9), last.asked_ns)
    return found


def what_decides(feed: Feed, platform: PlatformResource, held: Held) -> str:
    """A digest of what gives partitions that failed new attempts: the contract, the retry policy, a release."""
    assets = [key.to_user_string() for key in (feed.lake_key, feed.raw_key)]
    policies = platform.retry_policies()
    parts = [contract_as_a_whole(feed), *map(policies.digest, assets)]
    return digest(" ".join([*parts, *(str(held.released(asset)) for asset in assets)]))
