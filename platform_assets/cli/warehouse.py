"""`platform-assets warehouse`: whether two warehouses hold the same, the upkeep of one; other verbs are beside."""

from __future__ import annotations

import datetime as dt

import click
from rich.table import Table

from platform_assets.cli.console import table_console
from platform_assets.cli.project import chosen_warehouse
from platform_assets.cli.warehouse_access import apply, plan
from platform_assets.cli.warehouse_copy import copy
from platform_assets.environment import MOST_DAYS, SNAPSHOT_DAYS, without_password
from platform_assets.warehouse.protocol import Maintained
from platform_assets.wording import counted

NAMED = 3


@click.group()
def warehouse() -> None:
    """Compare, fill or tidy a whole warehouse; grant roles access to it."""


for command in (copy, plan, apply):
    warehouse.add_command(command)


@warehouse.command()
@click.argument("other")
@click.option(
    "--warehouse", "location", default=chosen_warehouse,
    show_default="PLATFORM_WAREHOUSE, that of the project's PlatformResources, or PLATFORM_HOME/warehouse.duckdb",
    help="The warehouse that OTHER is compared with.",
)  # fmt: skip
def compare(other: str, location: str) -> None:
    """Compare all published rows with those of the warehouse OTHER, which may be of another engine.

    Rows are counted and digested in each warehouse, by partition; `here` is the project's, `there` is OTHER. The exit
    code is 1 if something differs.
    """
    from platform_assets.cli.warehouse_places import located, opened
    from platform_assets.publishing.reconciliation import contents, differences

    console = table_console(140)
    with console.status("reading one"):
        mine = dict(contents(opened(located(location, "--warehouse"), "--warehouse")))
    with console.status("reading the other"):
        its = dict(contents(opened(located(other, "OTHER"), "OTHER")))
    table = Table("asset", "partitions", "rows", "content")
    bad = 0
    for asset in sorted(mine.keys() | its.keys()):
        found = differences(mine.get(asset), its.get(asset))
        there = mine.get(asset) or its[asset]
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        said = "; ".join(found[:NAMED]) + more if found else "the same"
        table.add_row(asset, f"{len(there.partitions):,}", f"{there.rows:,}", said, style="red" if found else None)
        bad += bool(found)
    console.print(table)
    console.print(f"{counted(len(mine.keys() | its.keys()), 'asset')} compared, {bad} different")
    if bad:
        raise SystemExit(1)


@warehouse.command()
@click.option(
    "--keep-days",
    type=click.FloatRange(0, MOST_DAYS),
    default=SNAPSHOT_DAYS,
    show_default=True,
    help="How long what was overwritten can still be read as it was.",
)
@click.option(
    "--warehouse", "location", default=chosen_warehouse,
    show_default="PLATFORM_WAREHOUSE, that of the project's PlatformResources, or PLATFORM_HOME/warehouse.duckdb",
    help="The warehouse.",
)  # fmt: skip
def maintain(keep_days: float, location: str) -> None:
    """Forget old snapshots of a DuckLake, and join its small files.

    The schedule `warehouse_maintenance` does it once a day.
    """
    from platform_assets.cli.warehouse_places import located, opened

    location = located(location, "--warehouse")
    found = opened(location, "--warehouse")
    if not isinstance(found, Maintained):
        raise click.ClickException(f"{without_password(location)}: its engine needs no maintenance by the platform")
    console = table_console()
    with console.status("joining small files"):
        done = found.maintain(dt.timedelta(days=keep_days))
    console.print(", ".join(f"{count:,} {what}" for what, count in done.items()))
