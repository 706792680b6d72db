"""Old snapshots and small files of a DuckLake: what nobody reads any more is removed, what is small is joined."""

from __future__ import annotations

import datetime as dt

from platform_assets.sql.literals import literal
from platform_assets.warehouse.ducklake.engines import NAME
from platform_assets.warehouse.ducklake.session import DuckLakeSession

AT_WORK = dt.timedelta(days=1)
"""A file without a snapshot may be one that a transaction is writing, and one without a use may still be read."""


def maintain(session: DuckLakeSession, keep: dt.timedelta) -> dict[str, int]:
    """Forget snapshots older than ``keep``; the newest stays. Each step is whole, or has not been done.

    Returns how many snapshots, joined files and removed files there were.
    """
    lake, now = literal(NAME), session.now()
    oldest, unread = literal(now - keep), literal(now - max(keep, AT_WORK))
    expired = session.execute(f"CALL ducklake_expire_snapshots({lake}, older_than => {oldest})")
    joined = session.execute(f"CALL ducklake_merge_adjacent_files({lake})")
    removed = [
        *session.execute(f"CALL ducklake_cleanup_old_files({lake}, older_than => {unread})"),
        *session.execute(f"CALL ducklake_delete_orphaned_files({lake}, older_than => {unread})"),
    ]
    return {
        "snapshots expired": len(expired),
        "files joined": sum(int(row[2]) for row in joined),
        "files removed": len(removed),
    }
