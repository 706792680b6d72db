"""What the demo prints at its end: a table of the stages, three facts of the year, and a plot."""

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo.materialize import Year
from platform_assets.environment import Environment
from platform_assets.lake.locations import open_lake
from platform_assets.lake.store import Lake
from platform_assets.publishing.readers import known_assets, ledger_history
from platform_assets.publishing.reconciliation import contents
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import Session, TableName, Warehouse

FEEDS = ("flights", "weather", "airlines", "airports", "planes")
MARTS = ("daily_carrier_punctuality", "airport_delays", "route_statistics")


def print_report(console: Console, year: Year, environment: Environment, plots: Path) -> None:
    """The tables and the facts of what stands in the environment's lake and warehouse, and a plot in ``plots``."""
    warehouse = open_warehouse(environment.warehouse)
    console.print(_stages(year, open_lake(environment.lake, environment.quarantine), warehouse))
    if year.checks_passed + year.checks_warned + year.checks_failed:
        warned = f"{year.checks_warned} warned ({', '.join(year.warnings)})" if year.checks_warned else "none warned"
        console.print(f"Asset checks: {year.checks_passed} passed, {warned}, {year.checks_failed} failed")
    with warehouse.session(read_only=True, purpose="the demo's facts") as session:
        if any(session.columns(TableName("published", mart)) is None for mart in MARTS):
            console.print("[red]Nothing is published: see the errors above.[/red]")
            return
        for fact in facts(session):
            console.print(f"  • {fact}")
        console.print(f"Plot: {plot(session, plots / 'punctuality_2013.png')}")


def _stages(year: Year, lake: Lake, warehouse: Warehouse) -> Table:
    table = Table(title="The year 2013 in New York", title_justify="left")
    for column in ("asset", "partitions", "rows in", "published", "quarantined", "seconds"):
        table.add_column(column, justify="left" if column in ("asset", "quarantined") else "right", no_wrap=True)
    with warehouse.session(read_only=True, purpose="the demo's table") as session:
        for feed in FEEDS:
            rows_in, rows_out, reasons, partitions = _manifests(lake, feed)
            quarantined = ", ".join(f"{count} {code}" for code, count in sorted(reasons.items())) or "0"
            seconds = _seconds(year, f"lake__{feed}")
            table.add_row(f"lake/{feed}", str(partitions), f"{rows_in:,}", f"{rows_out:,}", quarantined, seconds)
            published = _rows(session, "raw", feed)
            raw_seconds = _seconds(year, f"raw__{feed}")
            table.add_row(f"raw/{feed}", str(partitions), f"{rows_out:,}", f"{published:,}", "", raw_seconds)
        dbt = sum(seconds for step, seconds in year.seconds.items() if step.startswith("dbt__"))
        table.add_row("dbt models and tests", "", "", "", "", f"{dbt:.1f}" if dbt else "-")
        for mart in MARTS:
            rows = f"{_rows(session, 'published', mart):,}"
            partitions = year.assets.get(f"published/{mart}", 0)
            table.add_row(f"published/{mart}", str(partitions), "", rows, "", _seconds(year, f"published__{mart}"))
    return table


def _manifests(lake: Lake, feed: str) -> tuple[int, int, Counter[str], int]:
    rows_in = rows_out = 0
    reasons: Counter[str] = Counter()
    names = lake.partition_names(feed)
    found = [lake.manifest(feed, lake.partition_of(feed, name)) for name in names]
    manifests = [manifest for manifest in found if manifest is not None]
    for manifest in manifests:
        rows_in, rows_out = rows_in + manifest.rows_in, rows_out + manifest.rows_out
        reasons.update(manifest.reasons)
    return rows_in, rows_out, reasons, len(manifests)


def _seconds(year: Year, step: str) -> str:
    return f"{year.seconds[step]:.1f}" if step in year.seconds else "-"


def _rows(session: Session, schema: str, table: str) -> int:
    if session.describe(TableName(schema, table)) is None:
        return 0
    return int(session.execute(f"SELECT count(*) FROM {session.quote(schema, table)}")[0][0])


def facts(session: Session) -> list[str]:
    """Three facts of the year, read from the published marts."""
    carrier, share, flights = session.execute(
        "SELECT carrier_name, CAST(sum(on_time_arrivals) AS DOUBLE PRECISION) * 100 / (sum(flights) - "
        "sum(cancelled_flights)), CAST(sum(flights) AS BIGINT) FROM published.daily_carrier_punctuality GROUP BY 1 "
        "HAVING sum(flights) > 1000 ORDER BY 2 DESC LIMIT 1"
    )[0]
    day, delay = session.execute(
        "SELECT flight_date, sum(mean_departure_delay_minutes * (departures - cancelled_flights)) "
        "/ sum(departures - cancelled_flights) FROM published.airport_delays GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    )[0]
    route, count, cancelled = session.execute(
        "SELECT route, CAST(sum(flights) AS BIGINT), CAST(sum(cancelled_flights) AS BIGINT) "
        "FROM published.route_statistics GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    )[0]
    return [
        f"The most punctual airline with over 1,000 flights was {carrier}: {share:.1f} % of its {flights:,} flights "
        f"that took off arrived less than 15 minutes late.",
        f"The worst day to leave was {day:%d %B}: {delay:.0f} minutes late on average.",
        f"The busiest route was {route}: {count:,} flights, of which {cancelled:,} were cancelled.",
    ]


def plot(session: Session, path: Path) -> Path:
    """Mean delay at departure of each airport by week, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = session.execute(
        "SELECT airport, date_trunc('week', flight_date), "
        "sum(mean_departure_delay_minutes * departures) / sum(departures) "
        "FROM published.airport_delays GROUP BY 1, 2 ORDER BY 1, 2"
    )
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    for airport in sorted({row[0] for row in rows}):
        points = [(week, value) for name, week, value in rows if name == airport]
        axes.plot([week for week, _ in points], [value for _, value in points], label=airport)
    axes.set_title("Delay at departure in 2013, mean by week")
    axes.set_ylabel("minutes")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def compare(console: Console, warehouse: Warehouse, on_disk: Path) -> bool:
    """Say whether two warehouses have published the same rows; True as well if there is no other one.

    Ledgers of one engine are compared by their hashes, warehouses of two engines by a digest of their rows.
    """
    if not on_disk.exists():
        console.print("[bold]make demo[/bold] on disks first, and this one says whether both have the same rows.")
        return True
    other = DuckDBWarehouse(path=on_disk)
    read = _hashes if isinstance(warehouse, DuckDBWarehouse) else _digests
    here, there = read(warehouse), read(other)
    differing = sorted(key for key in here.keys() | there.keys() if here.get(key) != there.get(key))
    what = "ledger has the same hash" if read is _hashes else "warehouse has the same rows"
    if not differing:
        console.print(f"The {what} as that of the demo on disks for all {len(here):,} partitions.")
        return True
    first = ", ".join(" ".join(key) for key in differing[:3])
    console.print(f"[red]It differs from the demo on disks in {len(differing)} partitions: {first}[/red]")
    return False


def _hashes(warehouse: Warehouse) -> dict[tuple[str, str], str]:
    found = {}
    for asset in known_assets(warehouse):
        for entry in reversed(ledger_history(warehouse, asset=asset, limit=1_000_000)):
            if entry.published:
                found[asset, entry.partition] = entry.hash
    return found


def _digests(warehouse: Warehouse) -> dict[tuple[str, str], str]:
    return {
        (asset, partition): f"{rows} {digest}"
        for asset, content in contents(warehouse)
        for partition, (rows, digest) in content.partitions.items()
    }
