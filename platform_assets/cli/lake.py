"""`platform-assets lake`: what killed runs have left behind in a lake below a URL."""

from __future__ import annotations

import datetime as dt

import click

from platform_assets.cli.project import chosen_lake, chosen_quarantine
from platform_assets.lake.locations import open_lake
from platform_assets.lake.names import shown


@click.group()
def lake() -> None:
    """Look after the lake."""


@lake.command()
@click.argument("feed", required=False)
@click.option(
    "--older-than", "minutes", type=click.FloatRange(min=0), default=60, show_default=True, metavar="MINUTES",
    help="Leave alone what was written since: a run may be about to commit it.",
)  # fmt: skip
@click.option(
    "--lake", "location", default=chosen_lake,
    show_default="PLATFORM_LAKE, that of the project's PlatformResources, or PLATFORM_HOME/lake",
    help="The lake: a URL of objects.",
)  # fmt: skip
def sweep(feed: str | None, minutes: float, location: str) -> None:
    """Remove objects that no record names, of one FEED or of all: what runs left that were killed.

    What the next ingestion of a partition finds it removes by itself; this is for partitions that get none. A run that
    is slower than the limit cannot commit what goes: it begins anew.
    """
    store = open_lake(location, chosen_quarantine(location))
    found = 0
    for each in [feed] if feed is not None else store.feeds():
        for name in store.partition_names(each):
            partition = store.partition_of(each, name)
            removed = store.sweep(each, partition, older_than=dt.timedelta(minutes=minutes))
            found += len(removed)
            if removed:
                click.echo(f"{shown(each)} {shown(partition)}: {len(removed)} objects removed")
    click.echo(f"{location}: {found} objects removed")
