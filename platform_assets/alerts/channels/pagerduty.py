"""PagerDuty, by dagster-pagerduty: the incident's id is the deduplication key, so nothing is paged twice."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from platform_assets.alerts.channels.deadline import SECONDS, within
from platform_assets.alerts.channels.retry_after import seconds_of
from platform_assets.alerts.notices import ChannelError, Event, Notice
from platform_assets.alerts.rendering.parts import command, first_lines, headline, links, one_line, rows, shortened

if TYPE_CHECKING:
    from dagster_pagerduty import PagerDutyService

SUMMARY = 1024
SOURCE = 255
_ACTIONS = {Event.ACKNOWLEDGED: "acknowledge", Event.RESOLVED: "resolve"}
"""What PagerDuty does for an event; all others trigger."""


@dataclass(frozen=True)
class _Bound:
    """How an event of ours is posted. ``url`` is empty for the address that pypd knows."""

    url: str
    seconds: float


_bound: ContextVar[_Bound | None] = ContextVar("platform_assets_pagerduty", default=None)


@dataclass(frozen=True)
class PagerDuty:
    """One service. A change of an incident that was triggered is not sent: PagerDuty would open it again if somebody
    has resolved it there. An escalation is sent, and does just that.
    """

    name: str
    service: PagerDutyService = field(repr=False)
    url: str = ""
    seconds: float = SECONDS

    def send(self, notice: Notice, *, thread: str = "", again: bool = False) -> str:
        """Post one event. PagerDuty takes the same event any number of times for one."""
        if notice.event is Event.CHANGED and thread:
            return thread
        _bound_requests()

        def posted() -> None:
            token = _bound.set(_Bound(self.url, self.seconds))
            try:
                self.service.EventV2_create(
                    summary=shortened(headline(notice), SUMMARY),
                    source=shortened(one_line(notice.subject), SOURCE) or "platform-assets",
                    severity=notice.severity.value,
                    event_action=_ACTIONS.get(notice.event, "trigger"),
                    dedup_key=notice.incident,
                    timestamp=notice.since.isoformat(),
                    custom_details=_details(notice),
                )
            finally:
                _bound.reset(token)

        within(self.seconds, posted, what="PagerDuty")
        return notice.incident


def _details(notice: Notice) -> dict[str, str]:
    details: dict[str, str] = {}
    for label, text in rows(notice):
        details[label] = f"{details[label]}\n{text}" if label in details else text
    if lines := first_lines(notice):
        details["Lines"] = "\n".join(lines)
    if text := command(notice):
        details["Command"] = text
    if shown := links(notice):
        details["Links"] = "\n".join(f"{link.label}: {link.url}" for link in shown)
    return details


def _bound_requests() -> None:
    """Have pypd post the events of this module by ``_post``. What others post by pypd is posted as before.

    pypd has no timeout, and logs the routing key with the event.
    """
    import pypd

    before = pypd.EventV2._do_request
    if before.__module__ == __name__:
        return

    def _do_request(self: Any, method: str, url: str, **given: Any) -> Any:
        bound = _bound.get()
        return before(self, method, url, **given) if bound is None else _post(bound, url, given)

    pypd.EventV2._do_request = _do_request


def _post(bound: _Bound, url: str, given: dict[str, Any]) -> None:
    import requests

    try:
        # who follows a redirect may take a page of something in between for PagerDuty's answer
        answer = requests.post(bound.url or url, timeout=bound.seconds, allow_redirects=False, **given)
    except requests.RequestException as error:
        raise ChannelError(f"PagerDuty could not be reached: {type(error).__name__}") from None
    status = answer.status_code
    if 200 <= status < 300:
        return
    if status in (408, 429) or not 400 <= status < 500:
        raise ChannelError(f"PagerDuty answered {status}", retry_after=seconds_of(answer.headers))
    raise ChannelError(
        f"PagerDuty refused the event ({status}): see that the routing key is one of an Events API v2 integration",
        permanent=True,
    )
