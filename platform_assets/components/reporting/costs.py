"""What a warehouse that accounts for its queries knows of an asset, as metadata of what was published."""

from collections.abc import Sequence

from platform_assets.components.reporting.outcomes import Outcome
from platform_assets.logs import logger
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.protocol import Accounted, Warehouse

log = logger(__name__)


def with_costs(outcomes: Sequence[Outcome], warehouse: Warehouse, asset: str, run: str) -> list[Outcome]:
    """The outcomes; those that were published by this run say what its queries are known by, and what the last
    accounted run has cost. What is published stays so when the warehouse cannot be asked.
    """
    published = [outcome.failure is None and not outcome.unchanged for outcome in outcomes]
    if not any(published) or not isinstance(warehouse, Accounted):
        return list(outcomes)
    try:
        known = warehouse.account(asset, run)
    except WarehouseError as error:
        log.warning("what %s has cost is not in its metadata: %s", asset, error)
        return list(outcomes)
    pairs = zip(outcomes, published, strict=True)
    return [outcome.with_metadata(known) if is_new else outcome for outcome, is_new in pairs]
