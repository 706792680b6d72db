"""A program that knows nothing of the platform and reads a published table, until its standard input ends.

``python -m tests.publishing.other_reader HOW LOCATION ROWS``. HOW is ``connecting`` (a new connection for each look, as
a shell or a notebook has) or ``pool`` (four connections that stay, as a BI tool has). LOCATION is a URL of PostgreSQL
or the folder of a DuckLake. It prints ``ready``, ``enough`` after so many looks or what went wrong, and at its end how
many looks there were, and what was wrong.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import psycopg2

LOOK = "SELECT _partition, count(*), count(DISTINCT v) FROM raw.sales GROUP BY _partition"
CONNECTIONS = 4
ENOUGH = 6
Look = Callable[[], Sequence[tuple[str, int, int]]]


def postgres(url: str) -> Look:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    cursor = connection.cursor()

    def look() -> Sequence[tuple[str, int, int]]:
        cursor.execute(LOOK)
        return cursor.fetchall()

    return look


def ducklake(folder: str) -> Look:
    connection = duckdb.connect()
    for name in ("sqlite_scanner", "ducklake"):
        package = __import__(f"duckdb_extension_{name}")
        connection.load_extension(str(next(Path(package.__path__[0]).rglob("*.duckdb_extension"))))
    connection.execute(f"ATTACH 'ducklake:sqlite:{folder}/catalog.sqlite' AS lake (READ_ONLY); USE lake")
    return lambda: connection.execute(LOOK).fetchall()


def main(how: str, location: str, rows: str) -> None:
    connect = postgres if location.startswith("postgresql:") else ducklake
    over, enough, looks, wrong = threading.Event(), threading.Event(), [0], []

    def read() -> None:
        look = connect(location)
        while not over.is_set():
            try:
                found = (connect(location) if how == "connecting" else look)()
                wrong.extend(row for row in found if row[1:] != (int(rows), 1))
                looks[0] += 1
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}")
            if looks[0] >= ENOUGH or wrong:
                enough.set()

    threads = [threading.Thread(target=read) for _ in range(1 if how == "connecting" else CONNECTIONS)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    enough.wait()
    print("enough", flush=True)
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    print(json.dumps({"looks": looks[0], "wrong": wrong[:20]}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
