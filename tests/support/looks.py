"""A look of the arrival sensor at a landing folder, reduced to what changed."""

from __future__ import annotations

from platform_assets.landing.arrivals import LandingFolder
from platform_assets.landing.found import Arrivals, Watermark


def changes(landing: LandingFolder, watermark: Watermark, *, now_ns: int, limit: int) -> tuple[Arrivals, Watermark]:
    """The deliveries of partitions in which a file changed after ``watermark``, and the watermark to go on from."""
    look = landing.look(watermark, now_ns=now_ns, limit=limit)
    return look.arrivals, look.watermark
