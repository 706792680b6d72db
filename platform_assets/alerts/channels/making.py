"""A channel from its settings: secrets come from variables, libraries are imported for the channels that need them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping

from platform_assets.alerts.channels.deadline import SECONDS
from platform_assets.alerts.channels.settings import (
    AppriseSettings,
    ConsoleSettings,
    EmailSettings,
    PagerDutySettings,
    Settings,
    SlackSettings,
)
from platform_assets.alerts.notices import Channel, ChannelError, NoChannel


def make_channel(name: str, settings: Settings, variables: Mapping[str, str], *, seconds: float = SECONDS) -> Channel:
    """The channel that routes call ``name``; ``seconds`` is how long its receiver is waited for.

    Nothing is sent. Raises a permanent ``ChannelError`` if a variable is not set, or a package is not installed.
    """
    match settings:
        case ConsoleSettings():
            from platform_assets.alerts.channels.console import Console

            return Console(name)
        case SlackSettings():
            _needs(name, "dagster_slack", "slack")
            from platform_assets.alerts.channels.slack import Slack
            from platform_assets.alerts.channels.slack_client import SlackClient

            token = _secret(name, settings.token_variable, variables)
            return Slack(name, settings.channel, SlackClient(token, base_url=settings.base_url, seconds=seconds))
        case PagerDutySettings():
            _needs(name, "dagster_pagerduty", "pagerduty")
            from dagster_pagerduty import PagerDutyService

            from platform_assets.alerts.channels.pagerduty import PagerDuty

            key = _secret(name, settings.routing_key_variable, variables)
            return PagerDuty(name, PagerDutyService(routing_key=key), settings.url, seconds)
        case EmailSettings():
            from platform_assets.alerts.channels.email import Email, server_of

            return Email(name, server_of(variables, settings.variables), settings.sender, settings.to, seconds)
        case AppriseSettings():
            _needs(name, "apprise", "apprise")
            from platform_assets.alerts.channels.apprise import Apprise

            url = _secret(name, settings.url_variable, variables)
            return Apprise(name, url, settings.url_variable, seconds)


class Channels:
    """The channels of an alerts file, each made when it is first needed; called with a name, as a ``Sender`` does."""

    def __init__(self, settings: Mapping[str, Settings], variables: Mapping[str, str] = os.environ) -> None:
        self._settings, self._variables = settings, variables
        self._made: dict[str, Channel] = {}

    def __call__(self, name: str) -> Channel:
        """The channel of a name. Raises ``NoChannel`` if it has left the file, another error if it cannot be made."""
        if name not in self._settings:
            raise NoChannel(f"alerts.yaml has no channel {name} any more")
        if name not in self._made:
            self._made[name] = make_channel(name, self._settings[name], self._variables)
        return self._made[name]


def _needs(name: str, module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        package = module.replace("_", "-")
        raise ChannelError(
            f"the channel {name} needs the package {package}: pip install 'platform-assets[{extra}]'", permanent=True
        )


def _secret(name: str, variable: str, variables: Mapping[str, str]) -> str:
    value = variables.get(variable, "").strip()
    if not value:
        raise ChannelError(f"the channel {name} needs the variable {variable}, which is not set", permanent=True)
    return value
