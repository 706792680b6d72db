"""`platform-assets reload`: a live feed under its contract as it is now, with a search for clear values of before.

Only the words of the command are here; what it does is in ``reload_runs``, which imports Dagster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.cli.ctrl_c import Canceled, Interrupts, interruptible
from platform_assets.cli.places import require_dagster_home
from platform_assets.wording import counted

if TYPE_CHECKING:
    from platform_assets.cli.reload_runs import Reloaded
    from platform_assets.reloading.proof import Searched

WAYS = {
    "current": "stands under the contract as it is now",
    "landing": "ingested again from the landing folder",
    "lake": "written anew from the lake",
    "left": "left as it is",
}
SHOWN = 50
"""Lines of a table, and places that are named."""


@click.command()
@click.argument("feed")
@click.option(
    "--against", "revisions", multiple=True, metavar="REV",
    help="A git revision of the contract that partitions were ingested under: tells how their columns were protected "
    "where their records do not, and which are protected since.",
)  # fmt: skip
@click.option("--downstream", is_flag=True, help="Materialize what lies downstream too, by the partitions of the feed.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each partition, and change nothing.")
@click.pass_obj
def reload(given: object, feed: str, revisions: Sequence[str], downstream: bool, dry_run: bool) -> None:
    """Bring every partition of FEED under its contract as it is now, after a change of a type or a protection.

    Partitions whose delivery is in the landing folder are ingested again, others are written anew from the lake; then
    they are published. After a new protection the clear values of before are removed from the lake, the quarantine and
    the warehouse file, and searched for everywhere. Interrupted, run it again. The exit code is 1 if a partition was
    left, or a clear value was found.
    """
    require_dagster_home()
    click.echo(f"{feed}: loading the definitions ...", err=True)
    try:
        with interruptible(given) as interrupts:
            done = _reloaded(feed, revisions, interrupts, downstream=downstream, dry_run=dry_run)
    except Canceled:
        raise click.ClickException("canceled: what was finished stays; run it again for the rest") from None
    _print(feed, done, dry_run=dry_run)
    if not done.good:
        raise SystemExit(1)


def _reloaded(
    feed: str, revisions: Sequence[str], interrupts: Interrupts, *, downstream: bool, dry_run: bool
) -> Reloaded:
    from platform_assets.cli.ingest_runs import IngestRefused
    from platform_assets.cli.reload_runs import reload_feed

    def say(line: str) -> None:
        click.echo(f"{feed}: {line}", err=True)

    try:
        return reload_feed(
            feed, revisions=revisions, downstream=downstream, dry_run=dry_run, say=say, interrupts=interrupts
        )
    except IngestRefused as error:
        raise click.ClickException(str(error)) from None


def _print(feed: str, done: Reloaded, *, dry_run: bool) -> None:
    for way, words in WAYS.items():
        number = done.ways.get(way, 0)
        if number:
            failed = any(way == "failed" for _, way, _ in done.lines)
            said = _would(words) if dry_run else f"{words}, but for those that failed" if failed else words
            click.echo(f"{counted(number, 'partition')}: {said}")
    table = Table("partition", "way", "problem or note", title=f"raw/{feed}", title_justify="left")
    for partition, way, text in done.lines[:SHOWN]:
        table.add_row(Text(partition), Text(way), Text(text))
    if done.lines:
        table_console().print(table)
    if len(done.lines) > SHOWN:
        click.echo(f"... and {len(done.lines) - SHOWN} more")
    for line in done.downstream:
        click.echo(line)
    if done.searched:
        _print_proof(done.searched, done.values)
    for line in done.ends:
        click.echo(line)


def _print_proof(searched: Sequence[Searched], values: str) -> None:
    click.echo(f"searched for {values}")
    table = Table("where", "what was searched", "found", "at", title="Clear values", title_justify="left")
    for each in searched:
        found = "not searched" if each.found is None else str(each.found)
        at = "\n".join(each.at[:SHOWN]) + (f"\n... and {len(each.at) - SHOWN} more" if len(each.at) > SHOWN else "")
        style = "green" if each.clean else "red"
        table.add_row(Text(each.where), Text(each.what), Text(found, style=style), Text(at))
    table_console().print(table)


def _would(words: str) -> str:
    return words if words.startswith("stands") else f"would be {words}"
