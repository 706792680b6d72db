"""``platform-assets ledger``: what was offered, what was published, and why not, straight from the warehouse.

Only showing is here. Reading is in ``publishing.readers``; nothing in this file writes.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from platform_assets.cli.console import table_console
from platform_assets.cli.project import chosen_warehouse
from platform_assets.environment import InvalidEnvironment, scheme_of, warehouse_location
from platform_assets.publishing.readers import known_assets, shown_history
from platform_assets.publishing.verdicts import LedgerEntry, State
from platform_assets.warehouse.errors import WarehouseError
from platform_assets.warehouse.locations import open_warehouse

_STYLES = {State.PUBLISHED: "green", State.REJECTED: "red", State.PENDING: "yellow"}


@click.group()
def ledger() -> None:
    """Versions of partitions and the verdicts on them."""


@ledger.command()
@click.argument("asset")
@click.option("--partition", help="Only this partition.")
@click.option(
    "--warehouse",
    "location",
    default=chosen_warehouse,
    show_default="PLATFORM_WAREHOUSE, that of the project's PlatformResources, or PLATFORM_HOME/warehouse.duckdb",
    help="The DuckDB file, or the location of an announced warehouse.",
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Lines at most.")
def show(asset: str, partition: str | None, location: str, limit: int) -> None:
    """Show the versions of ASSET (such as raw/flights), newest first; * marks what is published now."""
    try:
        location = warehouse_location(location, folder=Path.cwd(), name="--warehouse")
        warehouse = open_warehouse(location, wait_seconds=30)
        if not scheme_of(location) and not Path(location).exists():
            raise click.ClickException(
                f"{location} does not exist: nothing was published there yet. Materialize an asset first, or name the "
                f"file with --warehouse."
            )
        entries, published = shown_history(warehouse, asset=asset, partition=partition, limit=limit)
        if not entries:
            raise click.ClickException(_nothing(asset, partition, known_assets(warehouse)))
        current = {key: entry.token for key, entry in published.items()}
    except (InvalidEnvironment, WarehouseError) as error:
        raise click.ClickException(str(error)) from error
    table_console(160).print(_table(asset, entries, current))
    if len(entries) == limit:
        click.echo(f"The newest {limit} lines; --limit shows more, --partition one partition.")


def _nothing(asset: str, partition: str | None, known: Sequence[str]) -> str:
    if asset in known:
        return f"{asset} has no candidate for partition {partition!r} in the ledger."
    near = difflib.get_close_matches(asset, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    listed = f" The ledger knows: {', '.join(known)}." if known else " The ledger is empty."
    return f"{asset} is not in the ledger.{hint}{listed}"


def _table(asset: str, entries: Sequence[LedgerEntry], current: dict[str, int]) -> Table:
    table = Table(title=f"Ledger of {asset}", title_justify="left", caption="times are UTC", caption_justify="left")
    table.add_column("")
    for heading in ("partition", "state", "version", "hash", "run", "at"):
        table.add_column(heading, no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("why", overflow="fold")
    table.add_column("failure", overflow="fold")
    for entry in entries:
        published = entry.state is State.PUBLISHED and current.get(entry.partition) == entry.token
        content = "" if entry.content == "data" else f" ({entry.content.value})"
        table.add_row(
            "*" if published else "",
            entry.partition,
            f"[{_STYLES[entry.state]}]{entry.state.value}[/]{content}",
            entry.version[:8],
            entry.hash[:8],
            entry.run_id[:8],
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            str(entry.rows),
            _why(entry),
            _failure(entry),
        )
    return table


def _failure(entry: LedgerEntry) -> str:
    """Kind and code of a rejection."""
    return f"{entry.failure.kind.value}: {entry.failure.code}".replace("[", "\\[") if entry.failure is not None else ""


def _why(entry: LedgerEntry) -> str:
    warned = [
        f"warning {check.name}: {check.message}" for check in entry.checks if not check.passed and not check.blocks
    ]
    blocked = f"{entry.check}: {entry.message}" if entry.check else entry.message
    return "\n".join(filter(None, [blocked, *warned])).replace("[", "\\[")
