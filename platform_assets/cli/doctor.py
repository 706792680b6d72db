"""`platform-assets doctor`: the whole configuration, looked at part by part, and what mends it."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from platform_assets.cli import project
from platform_assets.cli.console import table_console
from platform_assets.doctor.findings import Check, Finding, State, good
from platform_assets.wording import counted

SIGNS = {State.GOOD: ("✓", "green"), State.WARNING: ("!", "yellow"), State.WRONG: ("✗", "bold red")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each finding.")
def doctor(as_json: bool) -> None:
    """Check environment, landing place, lake, warehouse, contracts, definitions, access, alerts, retries, dbt, Dagster.

    Nothing is changed, and no secret is shown. The exit code is 1 if something is wrong; warnings are no errors.
    """
    # what is beta or deprecated in Dagster is nothing that whoever asks here can mend
    warnings.simplefilter("ignore")
    console = Console(stderr=as_json)
    found: list[tuple[str, Finding]] = []
    for check in _checks():
        # dbt and code of the project print as they like; what is printed here is for programs to read
        with console.status(f"looking at {check.area}"), redirect_stdout(sys.stderr):
            findings = list(check.findings())
        known = {finding.said for _, finding in found if finding.state is not State.GOOD}
        for finding in [each for each in findings if each.said not in known]:
            found.append((check.area, finding))
            if as_json:
                said = {"area": check.area, "state": finding.state, "said": finding.said, "mend": finding.mend}
                click.echo(json.dumps({key: value for key, value in said.items() if value}))
    if not as_json:
        _show(console, found)
    if any(finding.state is State.WRONG for _, finding in found):
        raise SystemExit(1)


def _show(console: Console, found: list[tuple[str, Finding]]) -> None:
    table = Table("", "area", "what there is", "what to do", box=None, pad_edge=False)
    for area, finding in found:
        sign, style = SIGNS[finding.state]
        table.add_row(Text(sign, style), area, Text(finding.said), Text(finding.mend))
    table_console(160).print(table)
    states = [finding.state for _, finding in found]
    bad, doubtful = states.count(State.WRONG), states.count(State.WARNING)
    console.print(f"{counted(bad, 'thing is', 'things are')} wrong, {counted(doubtful, 'warning')}")


def _checks() -> Iterator[Check]:
    """The checks in the order of a delivery's way; each imports what it needs when it looks."""
    yield Check("machine", _machine)
    yield Check("environment", _environment)
    yield Check("landing", _landing)
    yield Check("lake", _lake)
    yield Check("quarantine", _quarantine)
    yield Check("warehouse", _warehouse)
    yield Check("contracts", _contracts)
    yield Check("definitions", _definitions)
    yield Check("access", _access)
    yield Check("alerts", _alerts)
    yield Check("retries", _retries)
    yield Check("dbt", _dbt)
    yield Check("dagster", _dagster)


def _machine() -> Iterator[Finding]:
    from platform_assets.doctor.machine import look_at_announced, look_at_machine

    yield from look_at_machine()
    yield from look_at_announced()


def _environment() -> Iterator[Finding]:
    from platform_assets.doctor.machine import look_at_variables

    yield from look_at_variables(os.environ)
    found = project.chosen_environment()
    yield good(f"{found.name}, in {found.home}")


def _landing() -> Iterator[Finding]:
    from platform_assets.doctor.places import look_at_landing, look_at_queue

    yield from look_at_landing(project.chosen_landing())
    queue = project.chosen_environment().landing_events
    if queue:
        yield from look_at_queue(queue)


def _lake() -> Iterator[Finding]:
    from platform_assets.doctor.places import look_at_lake

    yield from look_at_lake(project.chosen_lake())


def _quarantine() -> Iterator[Finding]:
    from platform_assets.doctor.places import look_at_quarantine

    place = project.chosen_quarantine(project.chosen_lake())
    if place is None:
        yield good("with the lake")
    else:
        yield from look_at_quarantine(place)


def _warehouse() -> Iterator[Finding]:
    from platform_assets.doctor.warehouses import look_at_warehouse

    yield from look_at_warehouse(project.chosen_warehouse())


def _contracts() -> Iterator[Finding]:
    from platform_assets.cli.contract import contracts_in
    from platform_assets.doctor.pipelines import look_at_contracts

    found = project.project_of(Path.cwd())
    if found is None:
        yield from _no_project()
        return
    yield from look_at_contracts(contracts_in(found.defs_folder), os.environ)


def _definitions() -> Iterator[Finding]:
    from platform_assets.doctor.pipelines import look_at_definitions

    if project.project_of(Path.cwd()) is None:
        yield from _no_project()
        return
    yield from look_at_definitions(_loaded)


def _loaded() -> tuple[int, dict[str, str]]:
    from platform_assets.cli.loading import load_definitions
    from platform_assets.components.broken_feeds import TAG

    # what is wrong there is said here, and not in Dagster's log
    logging.disable(logging.CRITICAL)
    try:
        graph = load_definitions(Path.cwd()).resolve_asset_graph()
    finally:
        logging.disable(logging.NOTSET)
    keys = graph.get_all_asset_keys()
    broken = {"/".join(key.path[1:]): graph.get(key) for key in sorted(keys) if TAG in graph.get(key).tags}
    said = {feed: (node.description or "").partition("\n\n")[2].strip("-` ") for feed, node in broken.items()}
    return len(keys) - len(broken), said


def _access() -> Iterator[Finding]:
    from platform_assets.access.access_file import FILE
    from platform_assets.cli.access_project import access_of_project
    from platform_assets.doctor.pipelines import look_at_access

    found = project.project_of(Path.cwd())
    if found is not None and (found.defs_folder / FILE).exists():
        yield from look_at_access(lambda: len(access_of_project(None).access.roles))


def _alerts() -> Iterator[Finding]:
    from platform_assets.alerts.channels.making import make_channel
    from platform_assets.automation.alerting.lineage import lineage_of
    from platform_assets.cli.alert_samples import alerts_of_project
    from platform_assets.cli.loading import load_definitions
    from platform_assets.doctor.patterns import look_at_routes
    from platform_assets.doctor.pipelines import look_at_channels

    if project.project_of(Path.cwd()) is not None:
        alerts = alerts_of_project()
        yield from look_at_channels(
            {name: partial(make_channel, name, of, os.environ) for name, of in alerts.channels.items()}
        )
        yield from look_at_routes(alerts, lineage_of(load_definitions(Path.cwd()).resolve_asset_graph()))


def _retries() -> Iterator[Finding]:
    from platform_assets.cli.loading import load_definitions
    from platform_assets.doctor.patterns import look_at_retries
    from platform_assets.retry_file import FILE

    found = project.project_of(Path.cwd())
    if found is not None and (found.defs_folder / FILE).exists():
        keys = load_definitions(Path.cwd()).resolve_asset_graph().get_all_asset_keys()
        yield from look_at_retries(found.defs_folder / FILE, [key.to_user_string() for key in keys])


def _dbt() -> Iterator[Finding]:
    from platform_assets.doctor.pipelines import look_at_dbt

    yield from look_at_dbt(project.chosen_warehouse())


def _dagster() -> Iterator[Finding]:
    from platform_assets.doctor.dagster_instance import look_at_instance

    yield from look_at_instance(os.environ)


def _no_project() -> Iterator[Finding]:
    from platform_assets.doctor.findings import warning

    yield warning(
        f"{Path.cwd()} lies in no dg project", "run it in a folder whose pyproject.toml has [tool.dg.project]"
    )
