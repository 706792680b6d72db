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
from platform_assets.warehouse.protocol import ColumnDef, Session, TableName

SKEW = dt.timedelta(minutes=1)
PROBE = TableName(SCHEMA, "doctor_probe")


class _Undone(Exception):
    """Rolls back what was tried."""


def look_at_warehouse(location: str) -> Iterator[Finding]:
    """Open it, read the version of its ledger, and make a table, of which nothing is left."""
    if not scheme_of(location) and not Path(location).exists():
        yield good(f"{location} does not exist yet: the first run makes it")
        yield from look_at_folder(Path(location).parent)
        return
    warehouse = open_warehouse(location, wait_seconds=5)
    shown = without_password(location)
    try:
        with ledger_session(warehouse, read_only=True, purpose="platform-assets doctor") as session:
            skew = abs(session.now() - dt.datetime.now(dt.UTC).replace(tzinfo=None))
        with warehouse.session(purpose="platform-assets doctor") as session:
            _make_probe(session)
        yield good(f"{shown} can be read and written")
    except WarehouseBusy as busy:
        yield warning(one_line(str(busy)), "try again when that is over")
        return
    if skew > SKEW:
        yield warning(
            f"its clock is {skew.total_seconds():.0f} s off this machine's", "set both clocks by the same time server"
        )


def _make_probe(session: Session) -> None:
    """Make a table and undo it: by rolling back, or by dropping it where making a table commits.

    A table that a killed process has left there is dropped too.
    """
    columns = [ColumnDef("probe", "BIGINT")]
    if not session.capabilities.transactional_ddl:
        session.ensure_table(PROBE, columns)
        session.execute(f"DROP TABLE IF EXISTS {session.quote(PROBE.schema, PROBE.name)}")
        return
    with contextlib.suppress(_Undone), session.transaction():
        session.ensure_table(PROBE, columns)
        raise _Undone
