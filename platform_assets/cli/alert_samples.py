"""`platform-assets alerts test`: a sample through every channel, and which routes lead to it."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from platform_assets.alerts.channels.making import make_channel
from platform_assets.alerts.notices import ChannelError, Event, Link, Notice
from platform_assets.alerts.routing.alerts_file import FILE, AlertsError, read_alerts
from platform_assets.alerts.routing.model import Alerts
from platform_assets.alerts.signals import Severity
from platform_assets.automation.alerting.lineage import resolved
from platform_assets.cli.loading import load_definitions
from platform_assets.cli.project import project_of
from platform_assets.environment import UI_VARIABLE


def alerts_of_project() -> Alerts:
    """The alerts file of the project in the working directory. Raises click.ClickException with file and line."""
    project = project_of(Path.cwd())
    graph = load_definitions(Path.cwd()).resolve_asset_graph()
    file = (project.defs_folder if project is not None else Path()) / FILE
    try:
        return read_alerts(file, resolve=partial(resolved, graph))
    except AlertsError as error:
        raise click.ClickException(str(error)) from None


def send_samples(only: Sequence[str], console: Console) -> bool:
    """Send, and print what became of it; whether every channel has taken its sample."""
    alerts = alerts_of_project()
    if unknown := sorted(set(only) - alerts.channels.keys()):
        raise click.UsageError(
            f"{', '.join(unknown)}: there is no such channel; there are {', '.join(sorted(alerts.channels))}"
        )
    table = Table("channel", "what leads to it", "opened", "resolved")
    good = True
    for name in only or list(alerts.channels):
        answers, thread = [], ""
        for number, event in enumerate((Event.OPENED, Event.RESOLVED), start=1):
            try:
                sample = _sample(name, number, event)
                thread = make_channel(name, alerts.channels[name], os.environ).send(sample, thread=thread) or thread
                answers.append("taken")
            except ChannelError as error:
                answers.append(str(error))
                good = False
        table.add_row(
            *map(Text, (name, _leads(alerts, name), *answers)), style=None if answers == ["taken"] * 2 else "red"
        )
    console.print(table)
    return good


_RUN = uuid.uuid4().hex[:12]


def _sample(channel: str, number: int, event: Event) -> Notice:
    now, ui = dt.datetime.now(dt.UTC), os.environ.get(UI_VARIABLE, "")
    return Notice(
        incident=f"I-{_RUN}-{channel}"[:40], number=number, event=event, severity=Severity.INFO, subject="a test",
        title="This is a test of alerts: nothing has happened", since=now, at=now,
        facts=(("Channel", channel), ("Sent by", "platform-assets alerts test")),
        lines=("a line of a log stands here",) if event is Event.OPENED else (), who="nobody",
        next_step="nothing is to be done", command="platform-assets alerts list",
        links=(Link("Dagster", ui),) if ui else (),
    )  # fmt: skip


def _leads(alerts: Alerts, name: str) -> str:
    routes = [f"route {number}" for number, route in enumerate(alerts.routes, start=1) if name in route.to]
    return ", ".join((*routes, *(["default"] if name in alerts.default else []))) or "no route"
