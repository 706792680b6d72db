"""`platform-assets hold`, `release` and `holds`: keep assets from being materialized by anybody, and let them go again.

The holds are in the instance of DAGSTER_HOME; what they mean is in `platform_assets.holds`.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.cli.places import require_dagster_home
from platform_assets.wording import counted

if TYPE_CHECKING:
    import dagster as dg

LONGEST = 500
"""Letters of a reason."""
WHO = "PLATFORM_USER"
"""The variable that says who holds and releases; by default it is the user of the machine."""


@click.command()
@click.argument("assets", nargs=-1, required=True)
@click.option("--why", required=True, metavar="TEXT", help="The reason, which everybody is told who is refused.")
@click.option("--until", metavar="TIME", help="When the hold ends by itself, such as 2026-01-31T08:00 (in UTC).")
def hold(assets: tuple[str, ...], why: str, until: str | None) -> None:
    """Hold ASSETS, a selection such as raw/orders or group:sales: they are refused to every way in until released."""
    reason, ends = _reason(why), _until(until)
    require_dagster_home(click.UsageError)
    with _instance() as instance:
        from platform_assets.holds.holds import Hold, held
        from platform_assets.holds.holds import hold as hold_assets

        now = time.time()
        names = _selected(assets)
        added = hold_assets(instance, [Hold(name, reason, _who(), now, ends) for name in names], now)
        standing = held(instance, now).holds
    new = {each.asset for each in added}
    for name in names:
        click.echo(f"{name}: held" if name in new else f"{name}: was held already, by {standing[name].who}")


@click.command()
@click.argument("assets", nargs=-1, required=True)
@click.option("--why", required=True, metavar="TEXT", help="The reason, which is kept with the release.")
def release(assets: tuple[str, ...], why: str) -> None:
    """Release ASSETS that are held. Their failures in a row count from zero, and what failed is asked for again."""
    reason = _reason(why)
    require_dagster_home(click.UsageError)
    with _instance() as instance:
        from platform_assets.holds.holds import held
        from platform_assets.holds.holds import release as release_assets

        known = held(instance, time.time()).holds
        # what is held is released without the project, which may be broken
        names = list(assets) if set(assets) <= known.keys() else _selected(assets)
        ended = release_assets(instance, names, time.time(), who=_who(), why=reason)
    for each in ended:
        click.echo(f"{each.asset}: released by {_who()} ({reason}); it was held by {each.who}: {each.why}")
    if not ended:
        raise click.ClickException(
            f"none of {counted(len(names), 'asset')} is held; `platform-assets holds` lists them"
        )


@click.command()
def holds() -> None:
    """List the assets that are held: by whom, since when, until when, and why."""
    require_dagster_home(click.UsageError)
    with _instance() as instance:
        from platform_assets.holds.holds import held, shown_time

        found = sorted(held(instance, time.time()).holds.values(), key=lambda each: each.asset)
    if not found:
        click.echo("no asset is held")
        return
    table = Table("asset", "by", "who", "since", "until", "why")
    for each in found:
        ends = "released" if each.until is None else shown_time(each.until)
        by = "breaker" if each.by_breaker else "hand"
        table.add_row(*map(Text, (each.asset, by, each.who, shown_time(each.since), ends, each.why)))
    table_console().print(table)


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    import dagster as dg

    for kind in (dg.BetaWarning, dg.PreviewWarning):
        warnings.simplefilter("ignore", kind)
    with dg.DagsterInstance.get() as instance:
        yield instance


def _selected(words: Sequence[str]) -> list[str]:
    """The names of the project's assets that a selection means."""
    from platform_assets.cli.loading import load_definitions
    from platform_assets.cli.project import project_of
    from platform_assets.cli.run_plan import selected

    project = project_of(Path.cwd())
    os.chdir(project.root if project is not None else Path.cwd())
    graph = load_definitions(Path.cwd()).resolve_asset_graph()
    return [key.to_user_string() for key in selected(graph, words)]


def _who() -> str:
    import getpass

    if given := os.environ.get(WHO, "").strip():
        return given
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):
        return f"{os.getuid()}@{socket.gethostname()}"


def _reason(why: str) -> str:
    text = " ".join(why.split())
    if not text or len(text) > LONGEST:
        raise click.UsageError(f"--why must be a reason of 1 to {LONGEST} letters")
    return text


def _until(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--until is {text!r}; it must be a time such as 2026-01-31T08:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    if moment.timestamp() <= time.time():
        raise click.UsageError(f"--until is {text!r}, which is past")
    return moment.timestamp()
