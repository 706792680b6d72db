"""What stands under ``channels`` of the alerts file: one kind of channel each, with its keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from platform_assets.alerts.channels.settings import (
    AppriseSettings,
    ConsoleSettings,
    EmailSettings,
    PagerDutySettings,
    Settings,
    SlackSettings,
)
from platform_assets.alerts.routing.literal_secrets import WITHHELD
from platform_assets.alerts.routing.model import CONSOLE
from platform_assets.contracts.problems import Findings, Path_
from platform_assets.contracts.shapes import mapping, texts, unknown_keys

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_SLACK = re.compile(r"#[^\s#]{1,80}|[CDGU][A-Z0-9]{8,}")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)*", re.ASCII)


def read_channels(value: Any, findings: Findings) -> dict[str, Settings]:
    """The settings of each channel by its name; the console is always one of them."""
    found: dict[str, Settings] = {}
    for name, given in mapping(value, ("channels",), findings).items():
        path: Path_ = ("channels", name)
        data = mapping(given, path, findings)
        unknown_keys(data, tuple(_KINDS), path, findings)
        kinds = [kind for kind in data if kind in _KINDS]
        if len(kinds) != 1:
            if isinstance(given, dict) and (kinds or not data):
                findings.problem(path, f"must have one kind of channel of {', '.join(_KINDS)}")
            continue
        if name == CONSOLE and kinds != [CONSOLE]:
            findings.problem(path, f"{CONSOLE} is the name of the console: give this channel another")
        inner: Path_ = (*path, kinds[0])
        keys, read = _KINDS[kinds[0]]
        of_kind = mapping(data[kinds[0]] or {}, inner, findings)
        unknown_keys(of_kind, keys, inner, findings)
        found[name] = read(of_kind, inner, findings)
    found.setdefault(CONSOLE, ConsoleSettings())
    return found


def _slack(data: Mapping[str, Any], path: Path_, findings: Findings) -> SlackSettings:
    channel = data.get("channel")
    if not isinstance(channel, str) or not (_SLACK.fullmatch(channel) or channel == WITHHELD):
        # without quotes YAML takes what begins with # for a comment
        findings.problem((*path, "channel"), 'must be a channel in quotes, such as "#data-alerts", or its id')
    return SlackSettings(
        str(channel),
        _variable(data, "token_variable", path, findings, SlackSettings.token_variable),
        _url(data, "base_url", path, findings),
    )


def _pagerduty(data: Mapping[str, Any], path: Path_, findings: Findings) -> PagerDutySettings:
    variable = _variable(data, "routing_key_variable", path, findings, PagerDutySettings.routing_key_variable)
    return PagerDutySettings(variable, _url(data, "url", path, findings))


def _email(data: Mapping[str, Any], path: Path_, findings: Findings) -> EmailSettings:
    to = data.get("to", [])
    to = texts([to] if isinstance(to, str) else to, (*path, "to"), findings, "[data@example.com]")
    if not to:
        findings.problem((*path, "to"), "at least one address has to be named")
    sender = data.get("from")
    for key, address in (*(("to", address) for address in to), ("from", sender)):
        if not isinstance(address, str) or not (_ADDRESS.fullmatch(address) or address == WITHHELD):
            findings.problem((*path, key), "must be an address, such as data@example.com")
    variables = _variable(data, "variables", path, findings, EmailSettings.variables)
    return EmailSettings(tuple(to), str(sender), variables)


def _apprise(data: Mapping[str, Any], path: Path_, findings: Findings) -> AppriseSettings:
    return AppriseSettings(_variable(data, "url_variable", path, findings, ""))


_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any], Path_, Findings], Settings]]] = {
    "console": ((), lambda *_: ConsoleSettings()),
    "slack": (("channel", "token_variable", "base_url"), _slack),
    "pagerduty": (("routing_key_variable", "url"), _pagerduty),
    "email": (("to", "from", "variables"), _email),
    "apprise": (("url_variable",), _apprise),
}
"""The keys of each kind, and what reads them."""


def _variable(data: Mapping[str, Any], key: str, path: Path_, findings: Findings, default: str) -> str:
    value = data.get(key, default)
    if not isinstance(value, str) or not (_VARIABLE.fullmatch(value) or value == WITHHELD):
        # what stands there may be the secret itself, so it is not repeated
        findings.problem(
            (*path, key), "must be the name of an environment variable, in capitals, such as SLACK_BOT_TOKEN"
        )
        return default
    return value


def _url(data: Mapping[str, Any], key: str, path: Path_, findings: Findings) -> str:
    value = data.get(key, "")
    if not isinstance(value, str) or (value and not value.startswith(("https://", "http://"))):
        if value != WITHHELD:
            findings.problem((*path, key), "must be a URL that begins with https://")
        return ""
    return value
