"""Where a Dagster instance keeps what runs have said, searched for clear values: its folders, and its PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from platform_assets.reloading.needles import Needles
from platform_assets.reloading.proof import Searched, search_folder
from platform_assets.wording import counted

FETCHED = 1_000


def search_instance(instance: dg.DagsterInstance, needles: Needles) -> Iterator[Searched]:
    """The folders of the instance by byte and its databases by row."""
    parts = (
        instance.event_log_storage,
        instance.run_storage,
        instance.schedule_storage,
        getattr(instance, "compute_log_manager", None),
    )
    home = Path(os.environ["DAGSTER_HOME"]).resolve()
    folders = [home]
    for part in parts:
        # parts keep their files in DAGSTER_HOME but where dagster.yaml says otherwise
        base = getattr(part, "_base_dir", None)
        folder = Path(base).resolve() if isinstance(base, str) else home
        if not any(folder.is_relative_to(known) for known in folders):
            folders.append(folder)
    for folder in folders:
        yield search_folder("event log and logs", folder, needles)
    for url in sorted({url for part in parts if isinstance(url := getattr(part, "postgres_url", None), str)}):
        yield _search_postgres(url, needles)


def _search_postgres(url: str, needles: Needles) -> Searched:
    import sqlalchemy as db

    found = 0
    at: list[str] = []
    tables = db.MetaData()
    engine = db.create_engine(url)
    try:
        with engine.connect() as connection:
            tables.reflect(connection)
            for table in tables.sorted_tables:
                columns = [column for column in table.columns if isinstance(column.type, db.String)]
                if not columns:
                    continue
                rows = connection.execution_options(yield_per=FETCHED).execute(db.select(*columns))
                hits = needles.in_texts(str(value) for row in rows for value in row if value is not None)
                found += hits
                at += [table.name] if hits else []
    finally:
        engine.dispose()
    return Searched("event log in PostgreSQL", f"{counted(len(tables.tables), 'table')}, by row", found, tuple(at))
