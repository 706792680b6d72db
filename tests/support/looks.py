"""A look of the arrival sensor at a landing folder, reduced to what changed."""

from __future__ import annotations

from platform_assets.landing.arrivals import Arrivals, LandingFolder, Mark


def changes(landing: LandingFolder, mark: Mark, *, now_ns: int, limit: int) -> tuple[Arrivals, Mark]:
    """The deliveries of partitions in which a file changed after ``mark``, and the mark to go on from."""
    look = landing.look(mark, now_ns=now_ns, limit=limit)
    return look.arrivals, look.mark
