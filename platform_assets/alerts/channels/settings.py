"""What the alerts file says of a channel: plain values, and names of variables in place of secrets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConsoleSettings:
    """The standard error stream of the process."""


@dataclass(frozen=True)
class SlackSettings:
    """``channel`` is a name such as ``#data-alerts``, or an id. ``base_url`` is empty for Slack's own address."""

    channel: str
    token_variable: str = "SLACK_BOT_TOKEN"  # noqa: S105 - the name of a variable
    base_url: str = ""


@dataclass(frozen=True)
class PagerDutySettings:
    """A service's integration of the Events API v2. ``url`` is empty for the address of the US region."""

    routing_key_variable: str = "PAGERDUTY_ROUTING_KEY"
    url: str = ""


@dataclass(frozen=True)
class EmailSettings:
    """``variables`` begins the names of the variables with host, port, security, user and password: ``SMTP_HOST``."""

    to: tuple[str, ...]
    sender: str
    variables: str = "SMTP"


@dataclass(frozen=True)
class AppriseSettings:
    """``url_variable`` names the variable with the URL of the service, which holds its secret."""

    url_variable: str


Settings = ConsoleSettings | SlackSettings | PagerDutySettings | EmailSettings | AppriseSettings
