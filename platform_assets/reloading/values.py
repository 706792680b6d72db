"""Clear values that are to be gone: taken from the lake before it is written anew, and kept in memory only.

They are all of a column's distinct values if these are few, else some of each partition. Texts are searched for
wherever they may be; other values (a number, a day) are common, and are searched for in columns of that name only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from platform_assets.formats.duckdb_errors import damage_of
from platform_assets.ingestion.protection import MASK
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.store import Lake, named
from platform_assets.sql.identifiers import quoted
from platform_assets.sql.literals import literal, path_literal

MOST = 1_000
"""Values of a place that are searched for."""
OF_A_FILE = 50
"""Values that are taken of one file at least, so that each partition is among them."""
SHORTEST = 6
"""Bytes of a text that is searched for outside of its column: a shorter one is part of many others."""
_PSEUDONYM = "[0-9a-f]{32}"


@dataclass
class ClearValues:
    """By place (a column, or a path inside one): its values as text. ``text`` are the places that hold texts.

    ``more`` are the places that have more values than were taken.
    """

    by_place: dict[str, set[str]] = field(default_factory=dict)
    text: set[str] = field(default_factory=set)
    more: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        return sum(map(len, self.by_place.values()))

    @property
    def anywhere(self) -> list[str]:
        """The texts that are searched for everywhere, in order."""
        found = {value for place in self.text for value in self.by_place.get(place, ())}
        return sorted(value for value in found if len(value.encode()) >= SHORTEST)

    @property
    def by_column(self) -> dict[str, list[str]]:
        """The values that are searched for in columns of one name: all of that column."""
        return {place: sorted(values) for place, values in self.by_place.items() if "/" not in place}


def collect(lake: Lake, feed: str, places: Sequence[str]) -> ClearValues:
    """The clear values of these places in all Parquet of the feed, that of earlier ingestions too."""
    found = ClearValues()
    with duckdb.connect(config={"memory_limit": "1GB", "threads": 2}) as engine:
        for name in lake.partition_names(feed):
            partition = lake.partition_of(feed, name)
            try:
                manifest = lake.manifest(feed, partition)
            except RecordUnreadable:
                manifest = None
            names = lake.data_names(feed, partition)
            current = set(manifest.data_files) if manifest is not None and manifest.protections is not None else set()
            for file in names:
                known = manifest.protections if manifest is not None and file in current else None
                with lake.fetched([file]) as paths, damage_of(named(lake, file)):
                    for path in paths:
                        _take(engine, path, [p for p in places if p not in (known or {})], known is None, found)
    return found


def _take(
    engine: duckdb.DuckDBPyConnection, path: Path, places: Sequence[str], unknown: bool, found: ClearValues
) -> None:
    relation = f"read_parquet({path_literal(path)}, hive_partitioning = false)"
    kinds = {row[0]: row[1] for row in engine.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
    for place in places:
        column, *inside = (step.replace("~1", "/").replace("~0", "~") for step in place.split("/"))
        if column not in kinds:
            continue
        value = f"CAST({quoted(column)} AS VARCHAR)"
        # how earlier ingestions were protected is not recorded: what looks protected is taken to be
        clear = f" AND NOT regexp_full_match({value}, {literal(_PSEUDONYM)})" if unknown else ""
        rows = engine.execute(
            f"SELECT v FROM (SELECT DISTINCT {value} AS v FROM {relation} WHERE {quoted(column)} IS NOT NULL "
            f"AND {value} <> ?{clear}) USING SAMPLE reservoir({MOST + 1} ROWS) REPEATABLE (1)",
            [MASK],
        ).fetchall()
        taken = [row[0] for row in rows]
        if inside:
            taken = [text for document in taken for text in _inside(json.loads(document), inside)]
            taken = [text for text in taken if text != MASK]
        if inside or kinds[column] in ("VARCHAR", "JSON"):
            found.text.add(place)
        known = found.by_place.setdefault(place, set())
        room = max(MOST - len(known), OF_A_FILE)
        fresh = [each for each in dict.fromkeys(taken) if each not in known]
        if len(fresh) > room or len(rows) > MOST:
            found.more.add(place)
        known.update(fresh[:room])


def _inside(value: Any, path: Sequence[str]) -> list[str]:
    """The texts of plain values at a path of a JSON document."""
    if isinstance(value, list):
        below = path[1:] if path and path[0] == "*" else path
        return [text for item in value for text in _inside(item, below)]
    if isinstance(value, dict):
        return _inside(value.get(path[0]), path[1:]) if path else [t for v in value.values() for t in _inside(v, ())]
    return [] if value is None or path else [value if isinstance(value, str) else json.dumps(value)]
