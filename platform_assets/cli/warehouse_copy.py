"""`platform-assets warehouse copy`: its words, and what it prints. What it does is in ``warehouse_copying``."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.cli.ctrl_c import Canceled, interruptible
from platform_assets.cli.progress import partitions_bar
from platform_assets.cli.project import chosen_warehouse
from platform_assets.environment import without_password
from platform_assets.wording import counted

if TYPE_CHECKING:
    import dagster as dg

    from platform_assets.cli.warehouse_copying import Advance, Copied, FeedCopy
    from platform_assets.warehouse.protocol import Warehouse

NAMED = 5
"""Reasons of one asset that are printed, and partitions that are named with one."""


@click.command()
@click.argument("selection", nargs=-1)
@click.option(
    "--from", "source", default=chosen_warehouse,
    show_default="PLATFORM_WAREHOUSE, that of the project's PlatformResources, or PLATFORM_HOME/warehouse.duckdb",
    help="The warehouse whose verdicts count, and with which the other one is compared.",
)  # fmt: skip
@click.option("--to", "target", required=True, help="The warehouse to fill: the path of a DuckDB file, or a URL.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be loaded.")
@click.pass_obj
def copy(given: object, selection: tuple[str, ...], source: str, target: str, dry_run: bool) -> None:
    """Fill another warehouse with the raw tables, from the lake, and compare both.

    SELECTION is of raw assets, such as raw/orders or group:sales; without one it is all. Partitions pass the same gates
    as in a run. The command can be given again after an interrupt: what is there is not loaded again. The exit code is
    1 if a partition could not be published or something differs.
    """
    console = table_console(140)
    try:
        with interruptible(given):
            good = _copied(console, selection, _places(source, target), dry_run=dry_run)
    except Canceled:
        raise click.ClickException("canceled: what was published stays, and the same command goes on") from None
    if not good:
        raise SystemExit(1)


@dataclass(frozen=True)
class Places:
    """The two warehouses, their locations as they may be shown, and the one of the target as it was given."""

    source: Warehouse
    target: Warehouse
    source_shown: str
    target_shown: str
    target_given: str


def _places(source: str, target: str) -> Places:
    # DuckDB starts a thread when it is imported
    from platform_assets.cli.warehouse_places import located, opened, same_place

    source, target = located(source, "--from"), located(target, "--to")
    if same_place(source, target):
        raise click.UsageError(f"--from and --to are the same warehouse ({without_password(target)})")
    return Places(
        opened(source, "--from"), opened(target, "--to", must_exist=False), without_password(source),
        without_password(target), target,
    )  # fmt: skip


def _copied(console: Console, selection: Sequence[str], places: Places, *, dry_run: bool) -> bool:
    """Whether all is there, and the same."""
    with _status(console, "loading the definitions"):
        import dagster as dg

        for kind in (dg.BetaWarning, dg.PreviewWarning):
            warnings.simplefilter("ignore", kind)
        from platform_assets.cli.ingest_runs import feeds_of, platform_of
        from platform_assets.cli.loading import load_definitions
        from platform_assets.cli.project import project_of
        from platform_assets.cli.warehouse_copying import FeedCopy, in_order
        from platform_assets.cli.warehouse_remaining import remaining
        from platform_assets.publishing.migrations import ledger_session

        project = project_of(Path.cwd())
        # as a code server does, whose working directory is the project's root: paths of the environment begin there
        os.chdir(project.root if project is not None else Path.cwd())
        definitions = load_definitions(Path.cwd())
        feeds, broken = feeds_of(definitions)
        every = {feed.raw_key.to_user_string() for feed in feeds.values()}
        chosen = _chosen(definitions, selection, every)
    with dg.build_resources(platform_of(definitions)) as resources:
        platform = resources.platform
        lake = platform.open_lake()
        copies = [
            FeedCopy(feed, lake, places.source, places.target, platform.partitions_per_load)
            for feed in in_order(list(feeds.values()))
            if feed.raw_key.to_user_string() in chosen
        ]
        console.print(
            f"from {escape(places.source_shown)} to {escape(places.target_shown)}, by the lake {escape(str(lake))}"
        )
        for line in broken:
            console.print(Text(f"left out: {line}", style="red"))
        _refuse_unused(places)
        if not dry_run:
            # a target that cannot be written is told here, and not for each partition
            with ledger_session(places.target, purpose="copying"):
                pass
        done = _surveyed(console, copies) if dry_run else _loaded(console, copies)
    good = _report(console, done, places, dry_run=dry_run) and not broken
    rest, unknown = remaining(definitions, places.source, places.target, feeds=every, to=places.target_given)
    if rest:
        console.print("\nNot in the lake, and not copied; to be built there, in this order:")
        for each in rest:
            console.print(
                f"  {escape(', '.join(each.assets))} ({counted(each.partitions, 'partition')})", soft_wrap=True
            )
            console.print(f"    {escape(each.command)}", soft_wrap=True, highlight=False)
    for asset in unknown:
        console.print(f"{escape(asset)} is published there by no asset of this project: it is not copied")
    return good


def _refuse_unused(places: Places) -> None:
    """Raises click.ClickException if nothing was ever published in the warehouse that is copied from."""
    from platform_assets.publishing.ledger import LEDGER
    from platform_assets.publishing.migrations import ledger_session

    with ledger_session(places.source, read_only=True, purpose="copying") as session:
        if session.columns(LEDGER) is None:
            raise click.ClickException(
                f"{places.source_shown}: nothing was ever published here; name another warehouse with --from"
            )


def _chosen(definitions: dg.Definitions, selection: Sequence[str], every: set[str]) -> set[str]:
    if not selection:
        return every
    from platform_assets.cli.run_plan import selected

    found = {key.to_user_string() for key in selected(definitions.resolve_asset_graph(), selection)} & every
    if not found:
        raise click.UsageError(
            f"{' '.join(selection)[:80]!r} selects no raw asset; they are {', '.join(sorted(every))}"
        )
    return found


def _surveyed(console: Console, copies: Sequence[FeedCopy]) -> list[Copied]:
    found = []
    for each in copies:
        with _status(console, f"looking at {each.asset}"):
            found.append(each.survey()[0])
    return found


def _loaded(console: Console, copies: Sequence[FeedCopy]) -> list[Copied]:
    from platform_assets.cli.warehouse_copying import new_run_id

    run_id = new_run_id()
    total = 0
    with _status(console, "looking at the lake and both ledgers"):
        total = sum(len(each.survey()[1]) for each in copies)
    console.print(f"{counted(total, 'partition')} of {counted(len(copies), 'raw table')} to publish (run {run_id})")
    with _progress(console, total) as advance:
        return [each.run(run_id, advance) for each in copies]


@contextlib.contextmanager
def _progress(console: Console, total: int) -> Iterator[Advance]:
    """A bar on a terminal, else a line for each batch."""
    if not console.is_terminal:
        yield lambda asset, more: click.echo(f"{asset}: {counted(more, 'partition')} done")
        return
    with partitions_bar(console) as progress:
        task = progress.add_task("copying", total=total)
        yield lambda asset, more: progress.update(task, advance=more, description=escape(asset))


def _status(console: Console, what: str) -> contextlib.AbstractContextManager[object]:
    return console.status(what) if console.is_terminal else contextlib.nullcontext()


def _report(console: Console, done: Sequence[Copied], places: Places, *, dry_run: bool) -> bool:
    """Print what became of each asset; whether all of it is there and the same."""
    compared = {} if dry_run else _compared(console, done, places)
    verb = "to load" if dry_run else "loaded"
    table = Table("asset")
    for name in ("partitions", verb, "unchanged", "held", "failed", "rows"):
        table.add_column(name, justify="right")
    if not dry_run:
        table.add_column("compared", overflow="fold")
    for each in done:
        loaded = each.to_load if dry_run else each.loaded
        numbers = (each.total, len(loaded), len(each.unchanged), len(each.held), len(each.failed), each.rows)
        found = compared.get(each.asset, [])
        said = [] if dry_run else ["the same" if not found else _some(found)]
        table.add_row(*map(Text, (each.asset, *(f"{number:,}" for number in numbers), *said)),
                      style="red" if found or each.failed else None)  # fmt: skip
    console.print(table)
    for each in done:
        for word, reasons in (("held, as in the other warehouse", each.held), ("failed", each.failed)):
            same: dict[str, list[str]] = {}
            for key in sorted(reasons):
                same.setdefault(reasons[key], []).append(key)
            for reason, keys in list(same.items())[:NAMED]:
                more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
                named = f"{', '.join(keys[:NAMED])}{more}"
                console.print(Text(f"{each.asset} {named}: {word}: {reason}"), soft_wrap=True)
            if len(same) > NAMED:
                left = sum(len(keys) for keys in list(same.values())[NAMED:])
                console.print(f"{escape(each.asset)}: {word}: {counted(left, 'more partition')}")
    return not any(each.failed for each in done) and not any(compared.values())


def _compared(console: Console, done: Sequence[Copied], places: Places) -> dict[str, list[str]]:
    """How each asset differs; `here` is the warehouse that was copied from."""
    from platform_assets.publishing.reconciliation import contents, differences

    assets = {each.asset for each in done}
    with _status(console, "counting and digesting the rows of both"):
        here, there = dict(contents(places.source, assets)), dict(contents(places.target, assets))
    neither: dict[str, list[str]] = {asset: [] for asset in assets - here.keys() - there.keys()}
    return neither | {a: differences(here.get(a), there.get(a)) for a in sorted(here.keys() | there.keys())}


def _some(found: Sequence[str]) -> str:
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more
