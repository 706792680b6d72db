"""Days in names of files: the partition of a name, and the parts of names that a day can have."""

from __future__ import annotations

from platform_assets.landing.patterns import NameMatch


def by_day(match: NameMatch) -> str | None:
    return match.time.strftime("%Y-%m-%d") if match.time else None


def parts_of(key: str, groups: tuple[str, ...]) -> set[tuple[str, ...]]:
    year, month, day = key.split("-")
    return {tuple({"tY": year, "tm": month, "td": day}[group] for group in groups)}
