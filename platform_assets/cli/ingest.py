"""`platform-assets ingest`: take the deliveries of a feed now, in this process, with a run that the UI shows.

Only the words of the command are here; what it does is in ``ingest_runs``, which imports Dagster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.cli.ctrl_c import Canceled, Interrupts, interruptible
from platform_assets.cli.places import require_dagster_home

if TYPE_CHECKING:
    from platform_assets.cli.ingest_runs import Taken


@click.command()
@click.argument("feed")
@click.argument("partition", required=False)
@click.option("--force", is_flag=True, help="Read deliveries again, whatever is known of them.")
@click.pass_obj
def ingest(given: object, feed: str, partition: str | None, force: bool) -> None:
    """Ingest and load deliveries of FEED: of one PARTITION, of a range (FIRST...LAST), or all that are not there yet.

    With --force a delivery is read again although it was ingested or rejected before; without PARTITION these are all
    that lie in the landing folder. The exit code is 1 if the delivery of one of them is not there, or is not published
    afterwards.
    """
    require_dagster_home()
    click.echo(f"{feed}: loading the definitions ...", err=True)
    try:
        with interruptible(given) as interrupts:
            taken = _taken(feed, partition, interrupts, force=force)
    except Canceled:
        raise click.ClickException("canceled: what was finished stays, and the rest is taken the next time") from None
    if not taken:
        return
    table = Table("partition", "rows", "quarantined", "state", "problem", title=f"raw/{feed}", title_justify="left")
    for row in taken:
        style = "red" if row.problem else "green"
        cells = (row.partition, str(row.rows), str(row.quarantined))
        table.add_row(*map(Text, cells), Text(row.state, style=style), Text(row.problem))
    table_console().print(table)
    if any(row.problem for row in taken):
        raise SystemExit(1)


def _taken(feed: str, partition: str | None, interrupts: Interrupts, *, force: bool) -> list[Taken]:
    from platform_assets.cli.ingest_runs import IngestRefused, ingest_feed

    def say(line: str) -> None:
        click.echo(f"{feed}: {line}", err=True)

    try:
        return ingest_feed(feed, partition, force=force, say=say, interrupts=interrupts)
    except IngestRefused as error:
        raise click.ClickException(str(error)) from None
