"""`platform-assets run`: materialize assets in this process, with a line for each of them at the end.

Only the words of the command and what it prints are here; which runs it means is in ``run_plan``, and how they are
executed in ``run_execution``. Both import Dagster, which takes a second.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from platform_assets.cli.ctrl_c import FROM_A_SHELL, Interrupts, in_a_process_of_its_own
from platform_assets.cli.places import require_dagster_home
from platform_assets.cli.progress import partitions_bar
from platform_assets.wording import counted

if TYPE_CHECKING:
    import dagster as dg

    from platform_assets.cli.run_execution import Executed
    from platform_assets.cli.run_outcome import AssetResult
    from platform_assets.cli.run_plan import PlannedRun

WIDTH = 1000
"""Columns of a table that goes to a file: a line for each asset, however long its problem."""
ROOMY = 140
"""Columns of a terminal from which on reasons stand in the table."""
SAID = 60
"""Letters of what a run says that stand before its bar."""
REASONS = 10
"""Lines of problems for one asset."""


@click.command()
@click.argument("selection", nargs=-1, required=True)
@click.option("--partition", help="The partition, or a range of them: FIRST...LAST.")
@click.option("--from", "first", metavar="PARTITION", help="The first partition of a range; by default the first.")
@click.option("--to", "last", metavar="PARTITION", help="The last partition of a range; by default the newest.")
@click.pass_obj
def run(given: object, selection: tuple[str, ...], partition: str | None, first: str | None, last: str | None) -> None:
    """Materialize the assets of a SELECTION, such as raw/orders, +marts/x (and all above it), group:sales or '*'.

    The exit code is 0 if all of it is published, 1 if something failed, was rejected or was canceled, and 2 if the
    command cannot be carried out as it is written. Ctrl-C cancels the run.
    """
    if partition is not None and (first is not None or last is not None):
        raise click.UsageError("--partition names one partition or FIRST...LAST; leave it out, or --from and --to")
    require_dagster_home(click.UsageError)
    console = Console()  # of before the streams are captured for the log of a run
    begun = time.monotonic()
    # a program that calls this is not forked
    interrupts = in_a_process_of_its_own() if given == FROM_A_SHELL else Interrupts()
    executed = _executed(console, selection, (partition, first, last), interrupts)
    _report(console, executed, time.monotonic() - begun)
    if not executed.is_good:
        raise SystemExit(1)


def _executed(
    console: Console, selection: Sequence[str], span: tuple[str | None, str | None, str | None], interrupts: Interrupts
) -> Executed:
    with console.status("loading the definitions") if console.is_terminal else contextlib.nullcontext():
        import dagster as dg

        # what is preview or beta is said for those who write definitions
        for kind in (dg.BetaWarning, dg.PreviewWarning):
            warnings.simplefilter("ignore", kind)
        from platform_assets.cli.loading import load_definitions
        from platform_assets.cli.project import project_of
        from platform_assets.cli.run_execution import execute
        from platform_assets.cli.run_plan import Span, plan_runs

        project = project_of(Path.cwd())
        # as a code server does, whose working directory is the project's root: paths of the environment begin there
        os.chdir(project.root if project is not None else Path.cwd())
        definitions = load_definitions(Path.cwd())
        definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        runs = plan_runs(definitions, selection, Span(*span), instance)
        with _progress(console, runs) as watch:
            return execute(definitions, instance, runs, interrupts, watch)


@contextlib.contextmanager
def _progress(console: Console, runs: Sequence[PlannedRun]) -> Iterator[Callable[[dg.EventLogEntry], None]]:
    """What watches the events of the runs: a bar on a terminal, else a line for each step that is over."""
    import dagster as dg

    keys = {key for run in runs for key in run.keys}
    title = " and ".join(counted(number, word) for number, word in ((len(keys), "asset"), (len(runs), "run")))
    if not console.is_terminal:
        click.echo(f"materializing {title}")

        made: Counter[tuple[str | None, str]] = Counter()

        def line(entry: dg.EventLogEntry) -> None:
            event = entry.dagster_event
            if event is None:
                if entry.user_message.startswith("waiting "):
                    click.echo(" ".join(entry.user_message.split())[:SAID])
                return
            if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key in keys:
                made[event.step_key, event.asset_key.to_user_string()] += 1
            elif event.is_step_success or event.is_step_failure:
                for (step, asset), count in made.items():
                    if step == event.step_key:
                        click.echo(f"{asset}: {counted(count, 'partition')} done")

        yield line
        return
    # what a run prints is captured for its log; the bar is no part of that
    with (
        os.fdopen(os.dup(sys.stdout.fileno()), "w") as terminal,
        partitions_bar(Console(file=terminal)) as progress,
    ):
        total = sum(len(run.keys) * max(1, len(run.partitions)) for run in runs)
        task = progress.add_task(title, total=total)

        def advance(entry: dg.EventLogEntry) -> None:
            event = entry.dagster_event
            if event is None or event.event_type is dg.DagsterEventType.STEP_START:
                said = entry.user_message if event is None else str(event.step_key)
                progress.update(task, description=escape(" ".join(said.split())[:SAID]))
            elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key in keys:
                progress.advance(task)

        yield advance


def _report(console: Console, executed: Executed, seconds: float) -> None:
    from platform_assets.cli.run_plan import shown_range

    found = {result.asset: _reasons(result) for result in executed.results}
    # a narrow terminal has no room for reasons beside the figures
    beside = not console.is_terminal or console.width >= ROOMY
    table = Table("asset", "partitions")
    for name in ("rows", "quarantined", "published", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    if beside and any(found.values()):
        table.add_column("what failed, and why", overflow="fold")
    for result in executed.results:
        numbers = ["" if value is None else f"{value:,}" for value in (result.rows, result.quarantined)]
        style = "green" if result.is_good else "red"
        cells = [
            *map(Text, (result.asset, shown_range(result.partitions), *numbers)),
            Text(f"{len(result.published)} of {result.total}", style=style),
            Text(f"{result.seconds:.1f}"),
        ]
        first, *others = found[result.asset] or [""]
        table.add_row(*cells, *([Text(first)] if len(table.columns) > len(cells) else []))
        for reason in others if beside else ():
            table.add_row("", "", "", "", "", "", Text(reason))
    (console if console.is_terminal else Console(width=WIDTH)).print(table)
    if not beside:
        for asset, reasons in found.items():
            for reason in reasons:
                click.echo(f"{asset}: {reason}")
    good = sum(result.is_good for result in executed.results)
    state = "canceled: " if executed.interrupted else ""
    ids = ", ".join(run_id[:8] for run_id in executed.run_ids[:3]) + (", ..." if len(executed.run_ids) > 3 else "")
    click.echo(
        f"{state}{good} of {counted(len(executed.results), 'asset')} published in full, {seconds:.1f} s "
        f"({'run' if len(executed.run_ids) == 1 else 'runs'} {ids})"
    )


def _reasons(result: AssetResult) -> list[str]:
    reasons = list(result.reasons())
    more = len(reasons) - REASONS
    return reasons[:REASONS] + ([f"and {more} more: the run's log has them"] if more > 0 else [])
