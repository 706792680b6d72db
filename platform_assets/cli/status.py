"""`platform-assets status`: how every asset stands, in the terminal, as JSON or as a page of HTML."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.cli.places import require_dagster_home


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each asset.")
@click.option("--html", "page_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a page of HTML.")
def status(as_json: bool, page_file: Path | None) -> None:
    """Show of each asset its newest partition, lag, deadline, error budget, open incidents and quarantined rows."""
    import dagster as dg

    from platform_assets.alerts.rendering.status import HEADINGS, page
    from platform_assets.automation.alerting.board import board
    from platform_assets.automation.alerting.places import store_of
    from platform_assets.automation.status_page import write_page
    from platform_assets.cli.loading import load_definitions

    require_dagster_home()
    graph = load_definitions(Path.cwd()).resolve_asset_graph()
    now = dt.datetime.now(dt.UTC)
    with dg.DagsterInstance.get() as instance:
        found = board(instance, graph, store_of(instance), now)
    if page_file is not None:
        write_page(page_file, page(found, now))
        click.echo(f"{page_file} is written")
    elif as_json:
        for each in found:
            click.echo(json.dumps(asdict(each)))
    else:
        table = Table(*HEADINGS)
        for each in found:
            table.add_row(*map(Text, each.cells), style="red" if each.missing else "")
        table_console(180).print(table)
