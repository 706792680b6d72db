"""Where the alerts of an instance are kept: with its event log if that is in PostgreSQL, else in its folder."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from platform_assets.alerts.store import AlertStore, sqlite_url, store_at


def store_of(instance: dg.DagsterInstance) -> AlertStore:
    """The store of an instance; its tables are made where there are none."""
    url = getattr(instance.event_log_storage, "postgres_url", None)
    return store_at(url or sqlite_url(Path(instance.root_directory)))
