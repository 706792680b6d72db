"""Which size each asset has needed: remembered in the instance, so that its next run starts with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

import dagster as dg

from platform_assets.instance.values import change_value, read_values

KEY = "platform_assets/sizes"
KEPT_SECONDS = 30 * 86400.0
"""An asset that has not run out of memory for so long starts in its own class again."""


def learned(instance: dg.DagsterInstance, assets: Collection[str], now: float) -> set[str]:
    """The names of the sizes that these assets have needed."""
    known = _parsed(read_values(instance, {KEY}).get(KEY))
    return {size for asset, (size, at) in known.items() if asset in assets and now - at < KEPT_SECONDS}


def learn(instance: dg.DagsterInstance, assets: Collection[str], size: str, now: float) -> None:
    """Remember that these assets need the size. ``now`` is in seconds since 1970."""

    def change(text: str | None) -> str:
        kept = {asset: entry for asset, entry in _parsed(text).items() if now - entry[1] < KEPT_SECONDS}
        return json.dumps({**kept, **dict.fromkeys(assets, (size, now))}, sort_keys=True)

    change_value(instance, KEY, change)


def _parsed(text: str | None) -> Mapping[str, tuple[str, float]]:
    return {asset: (size, float(at)) for asset, (size, at) in json.loads(text or "{}").items()}
