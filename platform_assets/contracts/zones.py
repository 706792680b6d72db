"""Names of time zones, as the IANA database has them."""

from __future__ import annotations

import zoneinfo

from platform_assets.contracts.problems import Findings, Path_


def check_zone(zone: str, path: Path_, findings: Findings) -> None:
    """Add a problem for a name that the database does not have."""
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        findings.problem(path, f"{zone!r} is not a time zone of the IANA database, such as Europe/Berlin")
