"""What the lake and the ledger hold of deliveries: published, rejected, or not there.

Only reading is here; what follows from it is decided in ``reconciler``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from platform_assets.automation.digests import digest
from platform_assets.automation.reconciler import Standing
from platform_assets.failures import Kind
from platform_assets.feeds.feed import Feed
from platform_assets.lake.deliveries import Delivery
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.manifest import Manifest, Rejection
from platform_assets.lake.store import Lake
from platform_assets.platform_resource import PlatformResource
from platform_assets.publishing import ledger
from platform_assets.publishing.errors import NewerWarehouse
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.verdicts import LedgerEntry, State
from platform_assets.sql.digest import contract_digest, rules_digest
from platform_assets.sql.types import raw_columns
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.protocol import Warehouse

FINAL = (Kind.REJECTED, Kind.MISCONFIGURED)
"""Kinds of failure that another run of the same delivery under the same contract has again."""

PATIENCE_SECONDS = 3.0
"""How long a tick waits for the warehouse, which a run may hold for minutes: all ticks of a deployment share few
threads."""

Warn = Callable[[str], None]
Lines = Mapping[str, tuple[LedgerEntry | None, LedgerEntry | None]]
"""The newest line of the ledger and the published one, by partition."""


def contract_as_a_whole(feed: Feed) -> str:
    """A digest of all that may turn a rejection into a publication: the rules for rows, and those for batches."""
    return digest(f"{contract_digest(feed.contract)} {_rules_digest(feed)}")


def _rules_digest(feed: Feed) -> str:
    """The digest under which the ledger records verdicts of the feed's table as it is defined now."""
    columns = [(name, kind) for name, kind, _ in raw_columns(feed.contract)]
    return rules_digest(feed.contract.batch_rules, columns, (feed.raw_table.schema, feed.raw_table.name))


def standings(
    feed: Feed, platform: PlatformResource, deliveries: Iterable[Delivery], warn: Warn
) -> tuple[dict[str, Standing], dict[str, str]]:
    """Where each delivery stands, and the hash of the rows of each that is published.

    The ledger is asked only for what the lake holds; it is ``UNKNOWN`` of these where it cannot be read now.
    """
    found: dict[str, Standing] = {}
    manifests: dict[str, Manifest] = {}
    lake = platform.open_lake()
    for delivery in deliveries:
        held = _in_lake(lake, delivery, contract_digest(feed.contract), warn)
        if isinstance(held, Manifest):
            manifests[delivery.partition] = held
        else:
            found[delivery.partition] = held
    if not manifests:
        return found, {}
    lines = _lines(platform.warehouse.open(), feed.raw_key.to_user_string(), list(manifests), warn)
    if lines is None:
        return found | dict.fromkeys(manifests, Standing.UNKNOWN), {}
    rules, hashes = _rules_digest(feed), {}
    for key, manifest in manifests.items():
        newest, published = lines.get(key, (None, None))
        found[key] = _in_ledger(manifest, newest, published, rules)
        if found[key] is Standing.PUBLISHED and published is not None:
            hashes[key] = published.hash
    return found, hashes


def _in_lake(lake: Lake, delivery: Delivery, contract: str, warn: Warn) -> Manifest | Standing:
    """The manifest of this very delivery, or what its absence means."""
    try:
        latest = lake.latest(delivery.feed, delivery.partition)
    except RecordUnreadable as error:
        # ingesting the delivery again replaces it
        warn(f"{delivery.feed} {delivery.partition}: {error}")
        return Standing.ABSENT
    if isinstance(latest, Rejection):
        same = (latest.delivery_version, latest.contract_digest) == (delivery.version, contract)
        changed = 0 < latest.changed_ns != delivery.changed_ns
        return Standing.REJECTED if same and not changed and latest.failure.kind in FINAL else Standing.ABSENT
    if latest is None or latest.delivery_version != delivery.version:
        return Standing.ABSENT
    return Standing.ABSENT if delivery.was_touched_since(latest.delivery_files) else latest


def _in_ledger(manifest: Manifest, newest: LedgerEntry | None, published: LedgerEntry | None, rules: str) -> Standing:
    if published is not None and published.version == manifest.content_hash:
        return Standing.PUBLISHED
    if newest is not None and (newest.version, newest.rules) == (manifest.content_hash, rules):
        failure = newest.failure
        if failure is not None and failure.kind in FINAL:
            return Standing.REJECTED
    return Standing.ABSENT


def _lines(warehouse: Warehouse, asset: str, partitions: list[str], warn: Warn) -> Lines | None:
    keys, purpose = [(asset, partition) for partition in partitions], f"looking for verdicts of {asset}"
    try:
        with ledger_session(warehouse, read_only=True, purpose=purpose, wait_seconds=PATIENCE_SECONDS) as session:
            newest = ledger.latest(session, keys)
            published = ledger.latest(session, keys, state=State.PUBLISHED)
    except (WarehouseError, NewerWarehouse) as error:
        warn(f"{asset}: the ledger cannot be read now, and is asked at the next tick: {error}")
        return None
    return {key[1]: (newest.get(key), published.get(key)) for key in keys}
