"""Any other service, by the package apprise: title and text to one of its URLs."""

from __future__ import annotations

from dataclasses import dataclass, field

from platform_assets.alerts.channels.deadline import SECONDS, within
from platform_assets.alerts.channels.quiet import quietly
from platform_assets.alerts.notices import ChannelError, Event, Notice
from platform_assets.alerts.rendering.parts import headline
from platform_assets.alerts.rendering.plain import body
from platform_assets.alerts.signals import Severity

_KINDS = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.ERROR: "failure",
    Severity.CRITICAL: "failure",
}
_SPEAKS = ("apprise", "urllib3.connectionpool")
"""Loggers that write a URL, or its path."""


@dataclass(frozen=True)
class Apprise:
    """One service of apprise. ``url`` holds its secret; ``variable`` is where it came from.

    The service cannot be asked what it has: a notice that is sent again may be shown twice.
    """

    name: str
    url: str = field(repr=False)
    variable: str
    seconds: float = SECONDS

    def send(self, notice: Notice, *, thread: str = "", again: bool = False) -> str:
        """Hand one message to the service."""
        if notice.event is Event.CHANGED:
            # what was said cannot be edited, and nobody gets it twice
            return ""
        title, text = headline(notice), body(notice)
        kind = "success" if notice.event is Event.RESOLVED else _KINDS[notice.severity]
        if not within(self.seconds, lambda: self._notified(title, text, kind), what=f"the service of {self.variable}"):
            raise ChannelError(f"the service of {self.variable} did not take the message")
        return ""

    def _notified(self, title: str, text: str, kind: str) -> bool:
        import apprise

        with quietly(*_SPEAKS):
            service = apprise.Apprise()
            known = service.add(self.url) and len(service) == 1
            try:
                taken = known and service.notify(title=title, body=text, notify_type=kind, body_format="text")
            except Exception as error:
                # a plugin of any author; its text may have the URL
                raise ChannelError(f"the service of {self.variable} failed: {type(error).__name__}") from None
        if not known:
            raise ChannelError(f"{self.variable} must hold one URL that apprise knows", permanent=True)
        return bool(taken)
