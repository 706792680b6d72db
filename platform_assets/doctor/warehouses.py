"""The warehouse: whether it opens, may be written, and was written by a version that this one knows."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from platform_assets.doctor.findings import Finding, good, one_line, warning
from platform_assets.doctor.places import look_at_folder
from platform_assets.environment import scheme_of, without_password
from platform_assets.publishing.ledger import SCHEMA
from platform_assets.publishing.migrations import ledger_session
from platform_assets.warehouse.errors import WarehouseBusy
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import ColumnDef, TableName

SKEW = dt.timedelta(minutes=1)
PROBE = TableName(SCHEMA, "doctor_probe")


class _Undone(Exception):
    """Rolls back what was tried."""


def look_at_warehouse(location: str) -> Iterator[Finding]:
    """Open it, read the version of its ledger, and make a table that is rolled back."""
    if not scheme_of(location) and not Path(location).exists():
        yield good(f"{location} does not exist yet: the first run makes it")
        yield from look_at_folder(Path(location).parent)
        return
    warehouse = open_warehouse(location, wait_seconds=5)
    shown = without_password(location)
    try:
        with ledger_session(warehouse, read_only=True, purpose="platform-assets doctor") as session:
            skew = abs(session.now() - dt.datetime.now(dt.UTC).replace(tzinfo=None))
        undone = contextlib.suppress(_Undone)
        with warehouse.session(purpose="platform-assets doctor") as session, undone, session.transaction():
            session.ensure_table(PROBE, [ColumnDef("probe", "BIGINT")])
            raise _Undone
        yield good(f"{shown} can be read and written")
    except WarehouseBusy as busy:
        yield warning(one_line(str(busy)), "try again when that is over")
        return
    if skew > SKEW:
        yield warning(
            f"its clock is {skew.total_seconds():.0f} s off this machine's", "set both clocks by the same time server"
        )
