"""`platform-assets warehouse`: whether two warehouses hold the same."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from platform_assets.cli.console import table_console
from platform_assets.cli.project import chosen_warehouse
from platform_assets.environment import scheme_of, warehouse_location
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import Warehouse
from platform_assets.wording import counted

NAMED = 3


@click.group()
def warehouse() -> None:
    """Look at a whole warehouse."""


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
    from platform_assets.publishing.reconciliation import contents, differences

    console = table_console(140)
    with console.status("reading one"):
        mine = dict(contents(_opened(location, "--warehouse")))
    with console.status("reading the other"):
        its = dict(contents(_opened(other, "OTHER")))
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


def _opened(given: str, name: str) -> Warehouse:
    location = warehouse_location(given, folder=Path.cwd(), name=name)
    if not scheme_of(location) and not Path(location).exists():
        raise click.ClickException(f"{location}: there is no warehouse here; name it with {name}")
    return open_warehouse(location, wait_seconds=30)
