"""`platform-assets quarantine`: read the rows that were quarantined, and purge those that are kept no longer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.cli.project import chosen_days, chosen_lake, chosen_quarantine
from platform_assets.environment import MOST_DAYS
from platform_assets.failures import PlatformError
from platform_assets.lake.locations import open_lake
from platform_assets.lake.manifest import Manifest, Rejection
from platform_assets.lake.names import shown
from platform_assets.lake.purging import Purge, purge_quarantine
from platform_assets.lake.quarantined import list_quarantine, read_quarantine
from platform_assets.lake.store import Lake
from platform_assets.wording import counted


def places(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name the lake, and where its quarantines lie."""
    quarantine = click.option(
        "--quarantine", "place", default=None,
        show_default="PLATFORM_QUARANTINE, that of the project's PlatformResources, or with the lake",
        help="Where the quarantined rows are: a folder, or a URL of objects.",
    )  # fmt: skip
    lake = click.option(
        "--lake", default=chosen_lake,
        show_default="PLATFORM_LAKE, that of the project's PlatformResources, or PLATFORM_HOME/lake",
        help="The lake: a folder, or a URL of objects.",
    )  # fmt: skip
    return lake(quarantine(command))


def _opened(lake: str, place: str | None, feed: str | None) -> Lake:
    store = open_lake(lake, place or chosen_quarantine(lake))
    if not store.exists():
        raise click.ClickException(f"{lake}: there is no lake here; name it with --lake or PLATFORM_LAKE")
    if feed is not None and feed not in (feeds := store.feeds()):
        from platform_assets.contracts.problems import suggestion

        listed = f": it has {', '.join(sorted(map(shown, feeds)))}" if feeds else ""
        raise click.ClickException(f"{lake} holds nothing of a feed {shown(feed)!r}{suggestion(feed, feeds)}{listed}")
    return store


@click.group()
def quarantine() -> None:
    """Read the rows that were quarantined, or purge them."""


@quarantine.command("list")
@click.argument("feed", required=False)
@places
def list_(feed: str | None, lake: str, place: str | None) -> None:
    """List partitions with rows quarantined and rejected deliveries, of one FEED or of all."""
    found = list_quarantine(_opened(lake, place, feed), feed)
    if not found:
        click.echo(f"nothing is quarantined in {lake}" + (f" for {feed}" if feed else ""))
        return
    table = Table("feed", "partition", "rows", "of", "reasons", "delivery", title=f"Quarantined in {lake}")
    for item in found:
        reasons = counts(item.reasons)
        state = f"rejected: {item.rejected}" if item.rejected else "accepted"
        state += f" (rows purged at {item.purged_at})" if item.purged_at else ""
        cells = (shown(item.feed), shown(item.partition), item.rows, item.rows_in, reasons)
        table.add_row(*(Text(str(cell)) for cell in cells), Text(state if item.readable else f"{item.rejected}"))
    table_console().print(table)


@quarantine.command()
@click.argument("feed")
@click.argument("partition")
@click.option("--limit", default=20, show_default=True, help="Rows to show.")
@places
def show(feed: str, partition: str, limit: int, lake: str, place: str | None) -> None:
    """Show the rows of one PARTITION of a FEED that were quarantined, as they came."""
    try:
        store = _opened(lake, place, feed)
        rows = read_quarantine(store, feed, partition, limit)
        rejection = store.rejection(feed, partition)
    except (FileNotFoundError, PlatformError) as error:
        raise click.ClickException(str(error)) from None
    if rejection is not None:
        click.echo(f"rejected at {rejection.at} ({rejection.code}): {rejection.message}")
    record = rejection or store.manifest(feed, partition)
    if record is not None and record.rows_purged:
        click.echo(_purged(record))
    if not rows:
        if record is None or not record.rows_purged:
            click.echo(f"no rows of {shown(feed)} {shown(partition)} are quarantined")
        return
    if record is not None:
        click.echo(f"rows by the first rule that they broke: {counts(record.reasons)}")
        click.echo(f"rows by each rule that they broke: {counts(record.rules or record.reasons)}")
    table = Table("file", "line", "reasons", "row")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in (shown(row.file), row.line, ", ".join(row.reasons), row.raw)))
    table_console().print(table)


def _purged(record: Manifest | Rejection) -> str:
    return (
        f"{counted(record.rows_purged, 'row was', 'rows were')} quarantined and purged at {record.purged_at}; by the "
        f"first rule of all that were quarantined: {counts(record.reasons)}"
    )


@quarantine.command()
@click.argument("feed", required=False)
@click.option(
    "--older-than", "days", type=click.FloatRange(min=0, max=MOST_DAYS), default=None, metavar="DAYS",
    show_default="PLATFORM_QUARANTINE_DAYS", help="Purge rows that were quarantined so many days ago or earlier.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would be purged, and remove nothing.")
@places
def purge(feed: str | None, days: float | None, dry_run: bool, lake: str, place: str | None) -> None:
    """Remove quarantined rows of one FEED, or of all, that are older than DAYS.

    Their records then say how many there were, why, and when they were purged. A partition that a run is writing is
    left alone. The exit code is 1 if a partition could not be looked at.
    """
    days = chosen_days() if days is None else days
    if days is None:
        raise click.ClickException("no retention is set: say --older-than DAYS, or set PLATFORM_QUARANTINE_DAYS")
    store = _opened(lake, place, feed)
    rows = files = failed = 0
    for done in purge_quarantine(store, feed, older_than=dt.timedelta(days=days), dry_run=dry_run):
        click.echo(_said(done, dry_run=dry_run))
        rows, files, failed = rows + done.rows, files + done.files, failed + bool(done.left)
    where = store.quarantines.own or store.quarantines.beside
    click.echo(
        f"{where}: {_amount(rows, files)} {'would be ' if dry_run else ''}purged, older than {days:g} days"
        + (f"; {counted(failed, 'partition')} left" if failed else "")
    )
    if failed:
        raise SystemExit(1)


def _said(done: Purge, *, dry_run: bool) -> str:
    name = f"{shown(done.feed)} {shown(done.partition)}"
    if done.left:
        return f"{name}: left as it is: {done.left}"
    return f"{name}: {_amount(done.rows, done.files)} {'would be ' if dry_run else ''}purged"


def _amount(rows: int, files: int) -> str:
    return f"{counted(rows, 'row')} in {counted(files, 'file')}"


def counts(reasons: Mapping[str, int]) -> str:
    """Reasons with their numbers of rows, the most common first."""
    return ", ".join(f"{code} {count}" for code, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))
