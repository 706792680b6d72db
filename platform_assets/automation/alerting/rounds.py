"""One round of alerts: look at the instance, make incidents, and send what is to be sent."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg

from platform_assets.alerts.channels.making import Channels
from platform_assets.alerts.digests import add_digest
from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.locations import channels_of_others, known_locations, made_in, whole_lineage
from platform_assets.alerts.messages import Writer
from platform_assets.alerts.redaction import secrets_of
from platform_assets.alerts.router import Router
from platform_assets.alerts.routing.choosing import channels_for
from platform_assets.alerts.routing.last_good import alerts_used, was_unrouted
from platform_assets.alerts.routing.model import CONSOLE, Alerts
from platform_assets.alerts.sending import CLAIM_SECONDS, Sender, Sent
from platform_assets.alerts.signals import About, Source
from platform_assets.alerts.store import AlertStore
from platform_assets.automation.alerting.lineage import resolved
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.observing import Observer
from platform_assets.automation.alerting.own_signals import own_signals
from platform_assets.automation.alerting.places import store_of
from platform_assets.automation.alerting.policies import policies_used
from platform_assets.automation.alerting.polled import Polled
from platform_assets.automation.alerting.ticks import location_in
from platform_assets.environment import UI_VARIABLE
from platform_assets.retry_file import FILE as RETRIES_FILE
from platform_assets.wording import counted

SEND_SECONDS = 20.0
"""How long one round sends; what is left is sent by the next ones."""


@functools.lru_cache(maxsize=1)
def location_of(repository: dg.RepositoryDefinition, name: str) -> Location:
    """The location of these definitions, made once for all ticks of a code server."""
    return Location.of(repository, name)


@dataclass(frozen=True)
class AlertRound:
    """Everything that a round of alerts needs."""

    location: Location
    observer: Observer
    store: AlertStore
    alerts: Alerts
    file: Path
    foreign: frozenset[str] = frozenset()
    """Channels of other code locations, which these send to themselves."""

    @classmethod
    def of(
        cls, instance: dg.DagsterInstance, location: Location, file: Path, variables: Mapping[str, str] = os.environ
    ) -> AlertRound:
        """For a code location. An alerts ``file`` with mistakes costs nothing where there was a good one before."""
        store = store_of(instance)
        with store.transaction() as transaction:
            used = alerts_used(transaction, file, resolve=partial(resolved, location.graph))
            alerts, problem = used.alerts, used.problem
            policies, of_retries = policies_used(transaction, file.with_name(RETRIES_FILE))
            location.keep(transaction, [*alerts.channels])
            known = known_locations(transaction)
        others = {name: each for name, each in known.items() if name != location.name}
        secrets = secrets_of(variables, named=_secret_variables(alerts))
        writer = Writer(whole_lineage(known), variables.get(UI_VARIABLE, ""), secrets)
        made = made_in(others.values())
        own = location.lineage.parents.keys() - location.lineage.elsewhere
        router = Router(
            writer, partial(_routed, alerts), alerts.escalate_after,
            is_ours=lambda subject: subject not in made - own and location_in(subject) not in others,
        )  # fmt: skip
        polled = Polled.of(instance, location)
        foreign = channels_of_others(known, alerts.channels)
        observer = Observer(
            instance, store, router, location, policies,
            more=lambda *at: [*own_signals(alerts, problem, of_retries, *at, foreign=foreign), *polled.signals(*at)],
            elsewhere=location.lineage.elsewhere & made,
        )  # fmt: skip
        return cls(location, observer, store, alerts, file, foreign)

    def run(
        self,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        *,
        seconds: float = SEND_SECONDS,
        claim: float = CLAIM_SECONDS,
    ) -> tuple[list[Incident], Sent]:
        """Look, and send for up to ``seconds``. Returns the incidents that changed, and what became of notices."""
        changed: list[Incident] = []
        sender = Sender(
            self.store, Channels(self.alerts.channels), claim=claim, clock=lambda: clock().timestamp(),
            without=self.foreign,
        )  # fmt: skip
        with self.store.transaction() as transaction:
            if self.alerts.path is not None and was_unrouted(transaction, self.file):
                self.observer.router.route_anew(transaction, CONSOLE, clock())
            add_digest(transaction, self.alerts, self.observer.router.writer, clock())
        for some in self.observer.look(clock):
            changed += some
            # a long backlog is reported while it is read
            sender.send(seconds=0)
        return changed, sender.send(seconds=seconds)


def summary(changed: Sequence[Incident], sent: Sent) -> str:
    """What a round has done, for its tick."""
    if not changed and not sent.delivered and not sent.failed:
        return "nothing new"
    delivered = sum(sent.delivered.values())
    failed = f", {counted(len(sent.failed), 'channel')} took none" if sent.failed else ""
    return f"{counted(len(changed), 'incident')} changed, {counted(delivered, 'notice')} delivered{failed}"


def _secret_variables(alerts: Alerts) -> list[str]:
    """The variables that the alerts file names, whatever they are called."""
    settings = [vars(each) for each in alerts.channels.values()]
    return [str(value) for each in settings for name, value in each.items() if name.endswith("_variable")]


def _routed(alerts: Alerts, incident: Incident, about: About, at: dt.datetime) -> Sequence[str]:
    found = channels_for(alerts, incident, about, at)
    if incident.source is not Source.ALERTS:
        return found
    # a channel that takes nothing cannot tell that it does
    return tuple(name for name in dict.fromkeys((*found, CONSOLE)) if name != incident.subject) or (CONSOLE,)
