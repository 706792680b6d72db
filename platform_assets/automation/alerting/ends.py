"""Sources of signals that fail, and troubles of which nobody says any more that they are over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence

from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.failures import for_log
from platform_assets.logs import logger

log = logger(__name__)

EVENT_LOG = "event log"
READABLE_AFTER = dt.timedelta(hours=1)
"""An event that cannot be read is no news after so long; the next one is."""


def guarded(source: str, now: dt.datetime, look: Callable[[], Iterable[Signal]]) -> list[Signal]:
    """The signals of one source. One that fails keeps no other from being looked at, and is told itself."""
    problem = ""
    found: list[Signal] = []
    try:
        found = list(look())
    except Exception as error:
        log.exception("%s cannot be looked at", source)
        problem = for_log(error)
    told = Signal(
        Source.ALERTS, source, now, good=not problem, of_asset=False, severity=Severity.ERROR, actor="operator",
        message=f"it cannot be looked at, and nothing is told of it: {problem}",
        next_step="read the log of the code server",
    )  # fmt: skip
    return [*found, told]


def with_ended(
    signals: Iterable[Signal],
    incidents: Sequence[Incident],
    now: dt.datetime,
    source: Source = Source.TICK,
    *,
    is_ended: Callable[[str], bool] = lambda _: True,
) -> Iterator[Signal]:
    """The signals, and good ones of what was in trouble by ``source`` and is looked at no longer, such as a sensor
    that was turned off. ``is_ended`` says it of a subject of which there is no signal."""
    covered = set()
    for signal in signals:
        covered.add(signal.troubled)
        yield signal
    for trouble in {each for incident in incidents for each in incident.troubled} - covered:
        if trouble[0] == source and is_ended(trouble[1]):
            yield Signal(source, trouble[1], now, good=True, name=trouble[2], partition=trouble[3], of_asset=False)


def over_by_themselves(incidents: Sequence[Incident], now: dt.datetime) -> Iterator[Signal]:
    """Events that could not be read, some time after the last of them."""
    for incident in incidents:
        if incident.subject == EVENT_LOG and now - incident.changed > READABLE_AFTER:
            for _, subject, name, _ in incident.troubled:
                yield Signal(Source.ALERTS, subject, now, good=True, name=name, of_asset=False)
