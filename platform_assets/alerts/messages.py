"""What is reported of an incident: title, facts, who has to act, what to do next, and where to look."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.notices import Event, Link, Notice
from platform_assets.alerts.redaction import redacted, secrets_of
from platform_assets.alerts.signals import About, Source
from platform_assets.wording import counted

NAMED = 5
"""Partitions, tables and assets that are named; of more the number is said."""
LONGEST = 300
"""Characters of a title and of a line."""

_WORDS = {
    Source.RUN: "failed",
    Source.CHECK: "has bad data",
    Source.TICK: "does not tick",
    Source.DEADLINE: "is late",
    Source.FRESHNESS: "is stale",
    Source.DURATION: "takes longer than usual",
    Source.QUEUE: "is stuck",
    Source.HOLD: "is held",
    Source.ALERTS: "takes no alerts",
    Source.WATCHDOG: "has stopped",
}


@dataclass(frozen=True)
class Writer:
    """Writes notices; ``ui`` is the address of the Dagster UI, or empty. ``secrets`` are in none of them."""

    lineage: Lineage
    ui: str = ""
    secrets: Sequence[str] = field(default_factory=secrets_of, repr=False)

    def notice(self, incident: Incident, event: Event, at: dt.datetime) -> Notice:
        """The notice with the incident's next number."""
        return Notice(
            incident=incident.id, number=incident.notices + 1, event=event, severity=incident.severity,
            subject=incident.subject, title=_short(self._title(incident, event)), since=incident.opened, at=at,
            facts=tuple((label, self._redacted(text)) for label, text in self._facts(incident) if text),
            lines=tuple(_short(self._redacted(line)) for line in incident.lines), who=incident.actor,
            next_step=self._redacted(incident.next_step), command=self._redacted(_command(incident)),
            links=tuple(self._links(incident)), owners=self.about(incident).owners,
        )  # fmt: skip

    def line(self, incident: Incident) -> str:
        """The incident in one line, for lists."""
        title = self._title(incident, Event.OPENED)
        when = f"{incident.severity.value}, since {incident.opened:%Y-%m-%d %H:%M} UTC"
        if incident.resolved is not None and not incident.is_open:
            by = f" by {incident.resolved_by}" if incident.resolved_by else ""
            when = self._redacted(f"resolved{by}, {incident.opened:%m-%d %H:%M} to {incident.resolved:%m-%d %H:%M} UTC")
        return _short(f"{when}: {title} ({incident.id})")

    def about(self, incident: Incident) -> About:
        """Owners, tags and groups of all that is in trouble itself."""
        known = [self.lineage.about[each] for each in incident.subjects if each in self.lineage.about]
        owners = tuple(dict.fromkeys(owner for each in known for owner in each.owners))
        tags = {key: value for each in known for key, value in each.tags.items()}
        return About(owners, tags, known[0].group if known else "")

    def _title(self, incident: Incident, event: Event) -> str:
        subjects = incident.subjects
        what = incident.subject if len(subjects) <= 1 else f"{incident.subject} and {len(subjects) - 1} more"
        if incident.part_of:
            return f"{what}: it is part of {incident.part_of}, which is told on its own"
        if event is Event.RESOLVED and incident.resolved_by:
            return self._redacted(f"{what}: {incident.resolved_by} resolved it by hand: {incident.resolved_why}")
        if event is Event.RESOLVED:
            return f"{what} is good again"
        word = f"{_WORDS[incident.source]}{f' ({incident.name})' if incident.name else ''}"
        message = incident.message.splitlines()[0] if incident.message else ""
        return self._redacted(f"{what} {word}{f': {message}' if message else ''}")

    def _facts(self, incident: Incident) -> list[tuple[str, str]]:
        below = sorted(self.lineage.descendants(incident.subjects)) if incident.of_asset else []
        published = [asset for asset in below if asset in self.lineage.published]
        failed = {trouble[1] for trouble in incident.affected} - set(incident.subjects)
        held = sorted({trouble[1] for trouble in incident.affected if trouble[0] == Source.HOLD})
        kind = incident.kind.replace("_", " ")
        return [
            ("Assets", _some(incident.subjects) if len(incident.subjects) > 1 else ""),
            ("Partitions", _some(incident.partitions)),
            ("Kind", f"{kind} ({', '.join(incident.codes[:NAMED])})" if kind and incident.codes else kind),
            ("Held by the circuit breaker", _some(held)),
            ("Published tables that it feeds", _some(published)),
            ("Downstream", counted(len(below), "asset") if below else ""),
            ("Failed with it", counted(len(failed), "downstream asset") if failed else ""),
            ("Acknowledged", f"{incident.acknowledged_by}: {incident.acknowledged_why}".rstrip(": ")
             if incident.acknowledged_by else ""),
        ]  # fmt: skip

    def _redacted(self, text: str) -> str:
        return redacted(text, self.secrets)

    def _links(self, incident: Incident) -> list[Link]:
        if not self.ui:
            return []
        ui, found = self.ui.rstrip("/"), []
        if incident.run_id:
            found.append(Link("Run", f"{ui}/runs/{quote(incident.run_id)}"))
            found.append(Link("Logs", f"{ui}/runs/{quote(incident.run_id)}?logs=type%3Afailure"))
        if incident.of_asset:
            asset = f"{ui}/assets/{quote(incident.subject)}"
            found += [Link("Asset", asset), Link("Checks", f"{asset}?view=checks")]
        return found


def _command(incident: Incident) -> str:
    """The next command, for all partitions that are in trouble now."""
    if incident.source is not Source.RUN or not incident.of_asset or len(incident.subjects) > 1:
        return incident.command
    partitions = incident.partitions
    given = f" --partition {partitions[0]}" if len(partitions) == 1 else ""
    if len(partitions) > 1:
        given = f" --from {partitions[0]} --to {partitions[-1]}"
    return f"platform-assets run {incident.subject}{given}"


def _some(names: Sequence[str]) -> str:
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED - 1])} ... {names[-1]} ({len(names)})"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 4]} ..."
