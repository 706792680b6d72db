"""Whether two warehouses, of whatever engines, have published the same rows: counted and digested by partition."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from platform_assets.publishing import ledger
from platform_assets.publishing.fingerprints import data_columns, digests
from platform_assets.publishing.migrations import ledger_session
from platform_assets.publishing.verdicts import State
from platform_assets.warehouse.protocol import PARTITION, Session, Warehouse

PURPOSE = "comparing two warehouses"


@dataclass(frozen=True)
class Content:
    """What an asset has published: its columns, and the rows and digest of each partition."""

    columns: tuple[str, ...]
    partitions: Mapping[str, tuple[int, str]]

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self.partitions.values())


def contents(warehouse: Warehouse, assets: Container[str] | None = None) -> Iterator[tuple[str, Content]]:
    """Every asset with a table and something published, of ``assets`` if they are given, in the order of names."""
    with ledger_session(warehouse, read_only=True, purpose=PURPOSE) as session:
        for asset in sorted(ledger.assets(session)):
            if assets is not None and asset not in assets:
                continue
            # verdicts and rows as of one moment
            with session.snapshot():
                found = _content(session, asset)
            if found is not None:
                yield asset, found


def differences(here: Content | None, there: Content | None) -> list[str]:
    """How an asset differs in two warehouses, a sentence each; none where both have the same rows."""
    if here is None or there is None:
        return [f"it is published {_where(here)} only"]
    if here.columns != there.columns:
        mine, its = {*here.columns} - {*there.columns}, {*there.columns} - {*here.columns}
        sides = (("here", mine), ("there", its))
        return [f"the columns {', '.join(sorted(names))} are {where} only" for where, names in sides if names]
    found = []
    for partition in sorted(here.partitions.keys() | there.partitions.keys()):
        one, other = here.partitions.get(partition), there.partitions.get(partition)
        if one is None or other is None:
            found.append(f"{partition} is published {_where(one)} only")
        elif one[0] != other[0]:
            found.append(f"{partition} has {one[0]} rows here and {other[0]} there")
        elif one != other:
            found.append(f"{partition} has {one[0]} rows in both, of other content")
    return found


def _where(here: object) -> str:
    return "there" if here is None else "here"


def _content(session: Session, asset: str) -> Content | None:
    table = ledger.table_of(session, asset)
    described = session.columns(table) if table is not None else None
    if table is None or described is None:
        return None
    published = _published(session, asset)
    if not published:
        return None
    columns = sorted(data_columns(described), key=lambda column: column.name)
    partition_column = PARTITION if any(column.name == PARTITION for column in described) else None
    source = session.quote(table.schema, table.name)
    counted = digests(session, source, session.content(columns), partition_column, published)
    nothing = (0, "")
    return Content(tuple(column.name for column in columns), {key: counted.get(key, nothing) for key in published})


def _published(session: Session, asset: str) -> list[str]:
    """The partitions whose rows may be read: a table that is swapped keeps them when a later candidate is rejected."""
    newest = ledger.newest_of(session, asset)
    last = ledger.latest(session, [(asset, partition) for partition in newest], state=State.PUBLISHED)
    return sorted(p for (_, p), entry in last.items() if newest[p].published or not entry.in_place)
