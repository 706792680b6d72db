"""A backfill of daily partitions through file, lake, raw table and dbt mart, against plain Python with DuckDB.

    python benchmarks/backfill.py [--days 40] [--rows 5000]

Under a `dagster dev` with deploy/local's dagster.yaml: one run per partition, all launched at once, and then as many
other days in one run. Prints seconds from the launch to the last success, CPU seconds of all processes of `dagster dev`
and the events of a run. The floor of the same run does the work of the one run in one process of plain Python: a CSV a
day into a typed table by delete and insert, checked, and the mart by SQL. The aims: under 30 s for 40 runs, and within
2.5 times the floor for the one.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from benchmarks._dev_server import DevServer
from benchmarks.dev_start import FEEDS

FIRST = date(2024, 1, 1)
PARTITIONS = '{type: daily, start_date: "2024-01-01", end_date: "2024-06-01"}'
COLUMNS = ("id", "customer", "country", "status", "amount", "quantity", "ordered_at", "note")
TYPES = ("BIGINT", "VARCHAR", "VARCHAR", "VARCHAR", "DOUBLE", "BIGINT", "TIMESTAMP", "VARCHAR")
CONTRACT = """\
apiVersion: v3.0.2
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
domain: shop
team: [{username: "team:shop", role: owner}]
servers: [{server: landing, type: local, path: orders, format: csv}]
schema:
  - name: orders
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true, primaryKey: true}
      - {name: customer, logicalType: string, required: true}
      - {name: country, logicalType: string, logicalTypeOptions: {maxLength: 2}}
      - {name: status, logicalType: string, required: true}
      - {name: amount, logicalType: number, logicalTypeOptions: {minimum: 0}}
      - {name: quantity, logicalType: integer, logicalTypeOptions: {minimum: 1}}
      - {name: ordered_at, logicalType: timestamp, logicalTypeOptions: {format: "%Y-%m-%d %H:%M:%S"}}
      - {name: note, logicalType: string}
    quality:
      - {name: row_count, type: library, metric: rowCount, mustBeGreaterThan: 0}
"""
MART = """\
select _partition, country, status, count(*) as orders, sum(amount) as amount, sum(quantity)::bigint as quantity
from {{ source('raw', 'orders') }}
where {{ in_partitions() }}
group by all
"""
CONFIG = "{{ config(materialized='incremental', incremental_strategy='partition_overwrite') }}\n"
FILES = {
    "pyproject.toml": '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "shop"\n',
    "shop/__init__.py": "",
    "shop/definitions.py": FEEDS,
    "shop/defs/orders/defs.yaml": "type: platform_assets.FileFeed\nattributes:\n  files: orders/%Y-%m-%d.csv\n"
    f"  settle_seconds: 0\n  partitions: {PARTITIONS}\n",
    "shop/defs/orders/contract.yaml": CONTRACT,
    "shop/defs/mart/defs.yaml": "type: platform_assets.DbtModels\nattributes:\n"
    f'  project: "{{{{ context.project_root }}}}/dbt"\n  partitions: {PARTITIONS}\n',
    "dbt/dbt_project.yml": "name: shop\nprofile: shop\nmodel-paths: [models]\nmacro-paths: [macros]\n",
    "dbt/profiles.yml": "shop:\n  target: local\n  outputs:\n    local:\n      type: duckdb\n"
    "      path: \"{{ env_var('PLATFORM_WAREHOUSE') }}\"\n",
    "dbt/models/daily_orders.sql": CONFIG + MART,
    "dbt/models/models.yml": "sources:\n  - {name: raw, tables: [{name: orders}]}\nmodels:\n  - name: daily_orders\n"
    "    columns:\n      - {name: country, data_tests: [not_null]}\n      - {name: orders, data_tests: [not_null]}\n",
}
LAUNCH = """mutation($p: [ExecutionParams!]!) {
  launchMultipleRuns(executionParamsList: $p) {
    ... on LaunchMultipleRunsResult {
      launchMultipleRunsResult { __typename ... on LaunchRunSuccess { run { runId } } }
    }
  }
}"""
STATES = "query($s: [RunStatus!]) { runsOrError(filter: {statuses: $s}) { ... on Runs { count } } }"
MODULE = "shop.definitions"
SENSORS = f'{{ sensorsOrError(repositorySelector: {{repositoryLocationName: "{MODULE}", '
SENSORS += 'repositoryName: "__repository__"}) '
SENSORS += "{ ... on Sensors { results { id } } } }"
STOP = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"
ASSETS = (["lake", "orders"], ["raw", "orders"], ["daily_orders"])
RANGE = "dagster/asset_partition_range_"
ONE, FIRST_TAG, LAST_TAG = "dagster/partition", RANGE + "start", RANGE + "end"


class Dev(DevServer):
    """A `dagster dev` on the project in ``root``, its sensors stopped."""

    def __init__(self, root: Path, at_once: int) -> None:
        super().__init__(root, MODULE, runs=at_once or None, PLATFORM_HOME=str(root / "data"))
        self.done = 0
        while not (found := (self.ask(SENSORS) or {}).get("sensorsOrError", {}).get("results")):
            assert self.process.poll() is None, (root / "log").read_text()
            time.sleep(0.2)
        for sensor in found:
            self.ask(STOP, id=sensor["id"])

    def seconds(self, tags: list[dict[str, str]]) -> tuple[float, float, list[str]]:
        """Launch a run for each of ``tags``; seconds until all have succeeded, wall and CPU, and their ids."""
        selector = {
            "repositoryLocationName": MODULE, "repositoryName": "__repository__", "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": path} for path in ASSETS],
        }  # fmt: skip
        runs = [
            {
                "selector": selector, "mode": "default", "runConfigData": {},
                "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in of_run.items()]},
            }
            for of_run in tags
        ]  # fmt: skip
        cpu, began = self.cpu(), time.perf_counter()
        answer = self.ask(LAUNCH, p=runs)
        assert answer, "the webserver does not answer"
        launched = answer["launchMultipleRuns"]["launchMultipleRunsResult"]
        assert {run["__typename"] for run in launched} == {"LaunchRunSuccess"}, launched
        self.done += len(runs)
        while self.count("SUCCESS") < self.done:
            assert not self.count("FAILURE"), "a run failed"
            time.sleep(0.25)
        return time.perf_counter() - began, self.cpu() - cpu, [run["run"]["runId"] for run in launched]

    def count(self, state: str) -> int:
        answer = self.ask(STATES, s=[state])
        return answer["runsOrError"]["count"] if answer else 0

    def cpu(self) -> float:
        """CPU seconds of all processes of this `dagster dev` so far, those that have ended among them."""
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.process.pid:
                total += sum(map(int, fields[11:15]))
        return total / os.sysconf("SC_CLK_TCK")


def write_project(root: Path) -> None:
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    program = str(Path(sys.executable).with_name("platform-assets"))
    command = [program, "dbt", "macros", "--into", str(root / "dbt/macros")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def deliver(root: Path, days: list[str], rows: int) -> None:
    """A file a day with so many orders."""
    chance = random.Random(7)
    (root / "files").mkdir()
    for number, day in enumerate(days):
        lines = [",".join(COLUMNS)]
        for row in range(rows):
            country, status = chance.choice(["de", "fr", "us"]), chance.choice(["open", "paid", "sent"])
            amount, quantity = f"{chance.random() * 100:.2f}", chance.randrange(1, 9)
            second = f"{row % 24:02}:{row % 60:02}:{number % 60:02}"
            key = f"{number * rows + row},customer {row % 997}"
            lines.append(f"{key},{country},{status},{amount},{quantity},{day} {second},a note")
        (root / "files" / f"{day}.csv").write_text("\n".join(lines) + "\n")


def plain(root: Path, days: list[str]) -> None:
    """What the assets do, by hand: each day typed, checked and put in place, and its mart."""
    import duckdb

    columns = dict(zip(COLUMNS, TYPES, strict=True))
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    with duckdb.connect(str(root / "plain.duckdb")) as database:
        database.execute(f"CREATE TABLE IF NOT EXISTS orders ({typed}, day VARCHAR)")
        mart = MART.replace("{{ source('raw', 'orders') }}", "orders").replace("{{ in_partitions() }}", "day = ?")
        mart = mart.replace("_partition", "day")
        database.execute("CREATE TABLE IF NOT EXISTS daily AS " + mart, [""])
        for day in days:
            database.execute("BEGIN")
            database.execute("DELETE FROM orders WHERE day = ?", [day])
            database.execute(
                f"INSERT INTO orders SELECT *, ? FROM read_csv(?, header = true, columns = {columns})",
                [day, str(root / "files" / f"{day}.csv")],
            )
            counts = "count(*), count(id), count(DISTINCT id), count(customer), count(status)"
            rules = "bool_and(amount >= 0), bool_and(quantity >= 1), bool_and(length(country) <= 2)"
            found = database.execute(f"SELECT {counts}, {rules} FROM orders WHERE day = ?", [day]).fetchall()[0]
            assert len(set(found[:5])) == 1, found
            assert all(found), found
            database.execute("DELETE FROM daily WHERE day = ?", [day])
            database.execute("INSERT INTO daily " + mart, [day])
            database.execute("COMMIT")


def events(root: Path, run_id: str) -> tuple[int, int]:
    """How many events a run has left, and their bytes."""
    with sqlite3.connect(root / f"dagster/history/runs/{run_id}.db") as log:
        return log.execute("SELECT count(*), sum(length(event)) FROM event_logs").fetchone()


def verify(root: Path, days: list[str], rows: int) -> None:
    """That every day is in both tables, and complete."""
    import duckdb

    with duckdb.connect(str(root / "data/warehouse.duckdb"), read_only=True) as database:
        for counted, table in (("count(*)", "raw.orders"), ("sum(orders)", "main.daily_orders")):
            found = dict(database.execute(f"SELECT _partition, {counted} FROM {table} GROUP BY ALL").fetchall())
            assert found == dict.fromkeys(days, rows), (table, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--rows", type=int, default=5000, help="of each day's file")
    parser.add_argument("--at-once", type=int, default=0, help="runs at once; by default as in deploy/local")
    parser.add_argument("--floor", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    days = [str(FIRST + timedelta(days=n)) for n in range(2 * arguments.days + 2)]
    warming, apart, together = days[:2], days[2 : arguments.days + 2], days[arguments.days + 2 :]
    if arguments.floor:
        plain(arguments.floor, together)
        return
    root = Path(tempfile.mkdtemp(prefix="backfill-"))
    write_project(root)
    deliver(root, days, arguments.rows)
    began = time.perf_counter()
    subprocess.run([sys.executable, *sys.argv, "--floor", str(root)], check=True)
    floor = time.perf_counter() - began
    print(f"plain Python with DuckDB, {len(together)} days of {arguments.rows} rows: {floor:.2f} s")
    dev = Dev(root, arguments.at_once)
    try:
        # not before the sensors are stopped, which would take them
        (root / "data/landing").mkdir(parents=True)
        (root / "files").rename(root / "data/landing/orders")
        for day in warming:
            dev.seconds([{ONE: day}])
        wall, cpu, ids = dev.seconds([{ONE: day} for day in apart])
        count, size = events(root, ids[-1])
        print(
            f"one run per partition: {wall:.1f} s; {wall / len(apart):.2f} s a run, {cpu / len(apart):.2f} CPU seconds"
        )
        print(f"  {count} events a run, {size / 1024:.0f} KB")
        wall, cpu, ids = dev.seconds([{FIRST_TAG: together[0], LAST_TAG: together[-1]}])
        count, size = events(root, ids[-1])
        print(f"in one run: {wall:.2f} s, {wall / floor:.1f} times the floor; {cpu:.1f} CPU seconds")
        print(f"  {count / len(together):.1f} events a partition, {size / 1024 / len(together):.1f} KB")
        verify(root, days, arguments.rows)
    finally:
        dev.stop()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
