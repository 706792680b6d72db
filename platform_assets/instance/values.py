"""Small values by key in the instance's storage of runs, changed by one writer at a time.

They are where the runs are, so that the daemon, code servers, run workers and commands of all machines see the same.
A change reads the value, computes the new one, and writes it if the value is still what was read; else it begins anew.
Each write is one statement in a transaction: a process that is killed leaves the old value or the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import TYPE_CHECKING

import dagster as dg

from platform_assets.failpoints import failpoint

if TYPE_CHECKING:
    from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

RELIED_ON = ("connect", "get_cursor_values", "set_cursor_values")
"""Names of dagster's ``SqlRunStorage`` that this module uses."""


def read_values(instance: dg.DagsterInstance, keys: Set[str]) -> Mapping[str, str]:
    """The values of those of the ``keys`` that have one."""
    return instance.run_storage.get_cursor_values(set(keys))


def write_values(instance: dg.DagsterInstance, values: Mapping[str, str]) -> None:
    """Give each key its value, in one statement, whatever it had. For keys that have one writer."""
    instance.run_storage.set_cursor_values(values)


def change_value(instance: dg.DagsterInstance, key: str, change: Callable[[str | None], str | None]) -> str | None:
    """Replace the value of ``key`` by what ``change`` makes of it (None: leave it); the value that stands then.

    ``change`` may be called several times. A storage of runs that is not Dagster's SQL one takes the last of two
    writers that come at the same moment.
    """
    # a quarter of a second, which definitions that only read do not need
    from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

    storage = instance.run_storage
    while True:
        old = storage.get_cursor_values({key}).get(key)
        new = change(old)
        if new is None or new == old:
            return old
        if not isinstance(storage, SqlRunStorage):
            storage.set_cursor_values({key: new})
            return new
        failpoint("instance.values.before_write")
        if _replaced(storage, key, old, new):
            return new


def _replaced(storage: SqlRunStorage, key: str, old: str | None, new: str) -> bool:
    import sqlalchemy as db
    from dagster._core.storage.runs.schema import KeyValueStoreTable
    from sqlalchemy.exc import IntegrityError

    columns = KeyValueStoreTable.c
    if old is None:
        try:
            with storage.connect() as connection:
                connection.execute(KeyValueStoreTable.insert().values(key=key, value=new))
        except IntegrityError:
            return False
        return True
    with storage.connect() as connection:
        same = db.and_(columns.key == key, columns.value == old)
        return connection.execute(KeyValueStoreTable.update().where(same).values(value=new)).rowcount == 1
