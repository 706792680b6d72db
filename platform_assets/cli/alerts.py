"""`platform-assets alerts`: what is open, who has it, what is not told for a while, and whether every channel works."""

from __future__ import annotations

import datetime as dt
import getpass
import json
import re
import time
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
    from platform_assets.alerts.incidents import Incident
    from platform_assets.alerts.router import Router
    from platform_assets.alerts.store import AlertStore, Transaction

_SPAN = re.compile(r"(?P<count>\d+)(?P<unit>[mhd])")
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "info": ""}
_WHO = click.option(
    "--who", envvar="PLATFORM_USER", default=getpass.getuser, show_default="PLATFORM_USER, or the user of the machine",
    help="Who says so.",
)  # fmt: skip
_WHY = click.option("--why", required=True, help="What others have to know.")
MOST = 200
LONGEST_MUTE = 365 * 86400


@click.group()
def alerts() -> None:
    """Incidents: what went wrong, who was told, and until when it is nobody's turn."""


@alerts.command("list")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too, the newest 200.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each incident.")
def list_(everything: bool, as_json: bool) -> None:
    """Show open incidents, and notices that no channel has taken yet."""
    with _transaction() as transaction:
        found = transaction.latest_incidents(MOST) if everything else transaction.incidents()
        told = {incident.id: transaction.told(incident.id) for incident in found}
        unsent, mutes = transaction.unsent(), transaction.mutes(time.time())
    if as_json:
        for incident in found:
            click.echo(json.dumps({**incident.to_dict(), "channels": told[incident.id]}))
        return
    if found:
        table = Table(*("incident", "severity", "status", "since (UTC)", "what", "seen", "sent to"))
        for incident in found:
            style = _STYLES[incident.severity.value] if incident.is_open else "dim"
            cells = (incident.id, incident.severity.value, incident.status.value, f"{incident.opened:%Y-%m-%d %H:%M}",
                   _what(incident), str(incident.seen), ", ".join(told[incident.id]))  # fmt: skip
            table.add_row(*map(Text, cells), style=style)
        table_console(180).print(table)
    else:
        click.echo("No open incidents.")
    for row in unsent:
        problem = row["problem"] or "not sent yet"
        click.echo(f"{row['channel']} has not taken {row['incident']} ({row['event']}): {problem}")
    for subject, mute in mutes.items():
        until = dt.datetime.fromtimestamp(mute["until"], dt.UTC)
        click.echo(f"{subject} is muted until {until:%Y-%m-%d %H:%M} UTC by {mute['who']}: {mute['why']}")


@alerts.command()
@click.argument("incident")
@_WHO
@_WHY
def ack(incident: str, who: str, why: str) -> None:
    """Say that somebody has INCIDENT (I-3f9a2c41d07b): it is not escalated any more, and its channels see who it is."""
    from dataclasses import replace

    from platform_assets.alerts.incidents import Status
    from platform_assets.alerts.notices import Event

    with _open_incident(incident) as (transaction, found):
        if (found.acknowledged_by, found.acknowledged_why) == (who, why):
            raise click.ClickException(f"{incident} is acknowledged by {who} already")
        taken = replace(found, status=Status.ACKNOWLEDGED, acknowledged_by=who, acknowledged_why=why)
        _router(transaction).tell(transaction, taken, Event.ACKNOWLEDGED, dt.datetime.now(dt.UTC))
    click.echo(f"{incident} is acknowledged by {who}; its channels get to know")


@alerts.command()
@click.argument("incident")
@_WHO
@_WHY
def resolve(incident: str, who: str, why: str) -> None:
    """End INCIDENT by hand, where nothing else will say that it is over. Its channels get to know."""
    from platform_assets.alerts.notices import Event

    now = dt.datetime.now(dt.UTC)
    with _open_incident(incident) as (transaction, found):
        _router(transaction).tell(transaction, found.ended(now, who=who, why=why), Event.RESOLVED, now)
    click.echo(f"{incident} is resolved by {who}; its channels get to know")


@alerts.command()
@click.argument("subject")
@click.option("--for", "span", required=True, help="How long: 30m, 4h, 2d.")
@_WHO
@_WHY
def mute(subject: str, span: str, who: str, why: str) -> None:
    """Send nothing of SUBJECT for a while: an asset, a sensor, a schedule or an incident. It is kept all the same."""
    found = _SPAN.fullmatch(span)
    if found is None or not int(found["count"]):
        raise click.UsageError(f"--for is {span!r}; it must be a number and m, h or d, such as 4h")
    seconds = int(found["count"]) * _UNITS[found["unit"]]
    if seconds > LONGEST_MUTE:
        raise click.UsageError(f"--for is {span}; it may be 365d at most")
    until = time.time() + seconds
    with _transaction() as transaction:
        _refuse_unknown(transaction, subject)
        transaction.mute(subject, until=until, who=who, why=why)
    at = dt.datetime.fromtimestamp(until, dt.UTC)
    click.echo(f"nothing is sent of {subject} until {at:%Y-%m-%d %H:%M} UTC")


@alerts.command()
@click.argument("subject")
def unmute(subject: str) -> None:
    """Send what happens to SUBJECT again."""
    with _transaction() as transaction:
        if subject not in transaction.mutes(time.time()):
            raise click.ClickException(f"{subject} is not muted")
        transaction.mute(subject, until=0, who="", why="")
    click.echo(f"{subject} is no longer muted")


@alerts.command()
@click.option("--channel", "only", multiple=True, help="Only this channel; may be given several times.")
def test(only: Sequence[str]) -> None:
    """Send a sample through every channel and every route of alerts.yaml. The exit code is 1 if one takes it not."""
    from platform_assets.cli.alert_samples import send_samples

    if not send_samples(only, table_console(140)):
        raise SystemExit(1)


@contextmanager
def _transaction() -> Iterator[Transaction]:
    with _store().transaction() as transaction:
        yield transaction


def _store() -> AlertStore:
    import dagster as dg

    from platform_assets.automation.alerting.places import store_of

    require_dagster_home()
    with dg.DagsterInstance.get() as instance:
        return store_of(instance)


def _router(transaction: Transaction) -> Router:
    """Writes notices by what the sensors knew of the assets; it routes nothing anew."""
    import os

    from platform_assets.alerts.locations import known_locations, whole_lineage
    from platform_assets.alerts.messages import Writer
    from platform_assets.alerts.router import Router
    from platform_assets.environment import UI_VARIABLE

    lineage = whole_lineage(known_locations(transaction))
    return Router(Writer(lineage, os.environ.get(UI_VARIABLE, "")), lambda *_: ())


@contextmanager
def _open_incident(name: str) -> Iterator[tuple[Transaction, Incident]]:
    """An incident that is not resolved, to be changed; the sensor is woken afterwards. Raises click.ClickException."""
    with _transaction() as transaction:
        found = transaction.incident(name)
        if found is None:
            known = ", ".join(each.id for each in transaction.incidents()) or "none is open"
            raise click.ClickException(f"there is no incident {name}; open ones: {known}")
        if not found.is_open:
            raise click.ClickException(f"{name} is resolved already")
        yield transaction, found
    _wake()


def _refuse_unknown(transaction: Transaction, subject: str) -> None:
    """Raises click.ClickException for a subject that nobody can mean."""
    from platform_assets.alerts.locations import known_locations
    from platform_assets.contracts.problems import suggestion

    incidents = transaction.latest_incidents(MOST)
    known: set[str] = set()
    for place, location in known_locations(transaction).items():
        ticked = {*location.schedules, *location.sensors}
        known |= {*location.lineage.parents, *ticked, *(f"{name} of {place}" for name in ticked)}
    known |= {name for each in incidents for name in (each.id, *each.subjects)}
    if known and subject not in known:
        what = "asset, schedule, sensor or incident"
        raise click.ClickException(f"{subject} is no {what} that is known here{suggestion(subject, known)}")


def _wake() -> None:
    import os

    from platform_assets.instance.wakes import ALERTS, wake

    wake(Path(os.environ["DAGSTER_HOME"]), ALERTS)


def _what(incident: Incident) -> str:
    subject = incident.subject + (f" ({incident.name})" if incident.name else "")
    partitions = f", {counted(len(incident.partitions), 'partition')}" if incident.partitions else ""
    said = f": {incident.message.splitlines()[0]}" if incident.message else ""
    return f"{incident.source.value} {subject}{partitions}{said}"
