"""`platform-assets quarantine`: read the rows that were quarantined."""

from __future__ import annotations

from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from platform_assets.cli.project import chosen_lake
from platform_assets.failures import PlatformError
from platform_assets.lake.locations import open_lake
from platform_assets.lake.names import shown
from platform_assets.lake.quarantined import list_quarantine, read_quarantine

lake_option = click.option(
    "--lake", default=chosen_lake,
    show_default="PLATFORM_LAKE, that of the project's PlatformResources, or PLATFORM_HOME/lake",
    help="The lake: a folder, or a URL of objects.",
)  # fmt: skip


@click.group()
def quarantine() -> None:
    """Read the rows that were quarantined."""


@quarantine.command("list")
@click.argument("feed", required=False)
@lake_option
def list_(feed: str | None, lake: str) -> None:
    """List partitions with rows quarantined and rejected deliveries, of one FEED or of all."""
    store = open_lake(lake)
    if not store.exists():
        raise click.ClickException(f"{lake}: there is no lake here; name it with --lake or PLATFORM_LAKE")
    found = list_quarantine(store, feed)
    if not found:
        click.echo(f"nothing is quarantined in {lake}" + (f" for {feed}" if feed else ""))
        return
    table = Table("feed", "partition", "rows", "of", "reasons", "delivery", title=f"Quarantined in {lake}")
    for item in found:
        reasons = counts(item.reasons)
        state = f"rejected: {item.rejected}" if item.rejected else "accepted"
        cells = (shown(item.feed), shown(item.partition), item.rows, item.rows_in, reasons)
        table.add_row(*(Text(str(cell)) for cell in cells), Text(state if item.readable else f"{item.rejected}"))
    _console().print(table)


@quarantine.command()
@click.argument("feed")
@click.argument("partition")
@click.option("--limit", default=20, show_default=True, help="Rows to show.")
@lake_option
def show(feed: str, partition: str, limit: int, lake: str) -> None:
    """Show the rows of one PARTITION of a FEED that were quarantined, as they came."""
    try:
        store = open_lake(lake)
        rows = read_quarantine(store, feed, partition, limit)
        rejection = store.rejection(feed, partition)
    except (FileNotFoundError, PlatformError) as error:
        raise click.ClickException(str(error)) from None
    if rejection is not None:
        click.echo(f"rejected at {rejection.at} ({rejection.code}): {rejection.message}")
    if not rows:
        click.echo(f"no rows of {shown(feed)} {shown(partition)} are quarantined")
        return
    record = rejection or store.manifest(feed, partition)
    if record is not None:
        click.echo(f"rows by the first rule that they broke: {counts(record.reasons)}")
        click.echo(f"rows by each rule that they broke: {counts(record.rules or record.reasons)}")
    table = Table("file", "line", "reasons", "row")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in (shown(row.file), row.line, ", ".join(row.reasons), row.raw)))
    _console().print(table)


def counts(reasons: Mapping[str, int]) -> str:
    """Reasons with their numbers of rows, the most common first."""
    return ", ".join(f"{code} {count}" for code, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))


def _console() -> Console:
    """As wide as the terminal; wide enough for whole rows where the output goes to a file."""
    console = Console()
    return console if console.is_terminal else Console(width=200)
