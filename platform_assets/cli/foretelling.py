"""What a changed contract means for partitions that are published already: what would become of each, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator

from platform_assets.contracts.domain import under_domain
from platform_assets.contracts.model import Contract
from platform_assets.failures import PlatformError
from platform_assets.ingestion.protection import KEY_VARIABLE, SHORTEST_KEY, Pseudonyms, protections_of
from platform_assets.lake.locations import open_lake
from platform_assets.lake.store import Lake
from platform_assets.reloading.survey import Way, counts, deliveries_still_there, survey
from platform_assets.sql.types import raw_columns
from platform_assets.wording import counted

NAMED = 5
"""Partitions that are named."""


def concerns_published(old: Contract, new: Contract) -> bool:
    """Whether a type or a protection is another one, so that rows of before are not as the contract says."""
    return protections_of(old) != protections_of(new) or _types(old) != _types(new)


def foretold(old: Contract, new: Contract, location: str, quarantine: str | None) -> Iterator[str]:
    """Lines that say what the change means for the partitions in the lake at ``location``, and what must be done."""
    try:
        lake = open_lake(location, quarantine)
        found = next((each for each in _names(new) if lake.partition_names(each.name)), None)
        if found is None:
            yield f"no partition of it is in the lake {location}"
            return
        yield from _of_lake(lake, old, found)
    except PlatformError as error:
        yield f"what it means for published partitions cannot be said: {error}"


def _of_lake(lake: Lake, old: Contract, new: Contract) -> Iterator[str]:
    key = os.environ.get(KEY_VARIABLE, "").encode()
    fingerprint = Pseudonyms(key).fingerprint if new.hashes_values and len(key) >= SHORTEST_KEY else None
    standings = survey(lake, new, deliveries_still_there(lake, new), fingerprint, [old])
    number = counts(standings)
    words = {
        Way.LANDING: "to be ingested again, their files are still there",
        Way.LAKE: "to be written anew from the lake, their files are gone",
        Way.LEFT: "that cannot be brought under it",
        Way.CURRENT: "under it already",
    }
    listed = ", ".join(f"{number[way]} {text}" for way, text in words.items() if number[way])
    yield f"{counted(len(standings), 'partition')} of {new.name} in the lake: {listed}"
    for each in [each for each in standings if each.way is Way.LEFT][:NAMED]:
        yield f"{each.partition}: {each.why}"
    yield from dict.fromkeys(note for each in standings for note in each.notes)
    if {name: kind for name, kind in _types(old).items() if _types(new).get(name, kind) != kind}:
        yield f"the table raw.{new.name} gets other types: all of its partitions are published in one transaction"
    protected = sorted(protections_of(new).keys() - protections_of(old).keys())
    if protected:
        yield (
            f"clear values of {', '.join(protected)} are to be removed from the lake, the quarantine, the warehouse "
            "file and what lies downstream, and searched for"
        )
    yield f"what must be done: platform-assets reload {new.name}{' --downstream' if protected else ''}"


def _names(contract: Contract) -> list[Contract]:
    """The contract as its feed may be named: by itself, or under its domain."""
    return [contract, *([under_domain(contract)] if contract.domain else [])]


def _types(contract: Contract) -> dict[str, str]:
    return {name: kind for name, kind, _ in raw_columns(contract)}
