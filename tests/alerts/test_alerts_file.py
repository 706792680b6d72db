"""The alerts file: what is read, and each mistake with file, line and key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from platform_assets.alerts.channels.settings import (
    AppriseSettings,
    ConsoleSettings,
    EmailSettings,
    PagerDutySettings,
    SlackSettings,
)
from platform_assets.alerts.routing.alerts_file import AlertsError, read_alerts
from platform_assets.alerts.routing.model import Alerts, Condition, Hours, Route, Window
from platform_assets.alerts.signals import Severity, Source

WHOLE = """\
timezone: Europe/Berlin
business_hours: {days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00", holidays: DE/BY}
channels:
  data-team: {slack: {channel: "#data-alerts", token_variable: DATA_SLACK_TOKEN}}
  on-call: {pagerduty: {url: https://events.eu.pagerduty.com/v2/enqueue}}
  mail: {email: {to: [data@example.com], from: platform@example.com}}
  anything: {apprise: {url_variable: TEAMS_URL}}
routes:
  - when: {at_least: error, hours: outside}
    to: [on-call]
    stop: true
  - when: {owner: team:sales, assets: "group:sales", tags: {domain: sales}, source: [check, run]}
    to: [data-team, mail]
  - to: console
default: [mail]
"""


def resolve(selection: str) -> Collection[str]:
    """As the graph of a project of two assets answers."""
    known = {"group:sales": ["raw/orders", "marts/revenue"], "group:none": []}
    if selection not in known:
        raise ValueError(f"{selection!r} is no selection of assets")
    return known[selection]


def read(folder: Path, text: str) -> Alerts:
    path = folder / "alerts.yaml"
    path.write_text(text, encoding="utf-8")
    return read_alerts(path, resolve=resolve)


def problems(folder: Path, text: str) -> list[str]:
    """Line, key and message of each mistake."""
    with pytest.raises(AlertsError) as refused:
        read(folder, text)
    assert all(str(problem).startswith(f"{folder / 'alerts.yaml'}:") for problem in refused.value.problems)
    return [f"{problem.line}: {problem.key}: {problem.message}" for problem in refused.value.problems]


def test_a_whole_file(tmp_path: Path) -> None:
    alerts = read(tmp_path, WHOLE)
    assert alerts == Alerts(
        path=tmp_path / "alerts.yaml",
        timezone=ZoneInfo("Europe/Berlin"),
        business=(Window(frozenset(range(5)), dt.time(8), dt.time(18), "DE", "BY"),),
        channels={
            "data-team": SlackSettings("#data-alerts", "DATA_SLACK_TOKEN"),
            "on-call": PagerDutySettings(url="https://events.eu.pagerduty.com/v2/enqueue"),
            "mail": EmailSettings(("data@example.com",), "platform@example.com"),
            "anything": AppriseSettings("TEAMS_URL"),
            "console": ConsoleSettings(),
        },
        routes=(
            Route(
                ("on-call",),
                Condition(severities=frozenset({Severity.ERROR, Severity.CRITICAL}), hours=Hours.OUTSIDE),
                stop=True,
            ),
            Route(
                ("data-team", "mail"),
                Condition(
                    owners=frozenset({"team:sales"}),
                    assets=frozenset({"raw/orders", "marts/revenue"}),
                    tags={"domain": "sales"},
                    sources=frozenset({Source.CHECK, Source.RUN}),
                ),
            ),
            Route(("console",)),
        ),
        default=("mail",),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", dt.timedelta(hours=1)),
        ("escalate_after_minutes: 30", dt.timedelta(minutes=30)),
        ("escalate_after_minutes: null", None),
    ],
)
def test_when_an_error_escalates(tmp_path: Path, text: str, expected: dt.timedelta | None) -> None:
    assert read(tmp_path, text).escalate_after == expected


def test_without_a_file_everything_goes_to_the_console(tmp_path: Path) -> None:
    assert read_alerts(tmp_path / "alerts.yaml", resolve=resolve) == Alerts()
    assert Alerts().default == ("console",)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AlertsError, match="is not UTF-8 text"):
        read_alerts(tmp_path / "alerts.yaml", resolve=resolve)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]", "1: : must be a mapping of keys to values"),
        ("", "1: : the file is empty"),
        ("a: [", "2: : is not valid YAML: "),
        ("route: []", "1: route: is not a key here; did you mean 'routes'?; they are"),
        ("timezone: Europe/Berln", "1: timezone: 'Europe/Berln' is no timezone such as Europe/Berlin; did you mean"),
        ("timezone: ../etc/passwd", "1: timezone: '../etc/passwd' is no timezone"),
        ("timezone: 1", "1: timezone: 1 is no timezone"),
        ("routes: {}", "1: routes: must be a list of routes"),
        ("routes: [x]", "1: routes[0]: must be a mapping"),
        ("routes:\n- to: []", "2: routes[0].to: at least one channel has to be named"),
        ("routes:\n- when: {severity: [error]}", "2: routes[0].to: at least one channel has to be named"),
        ("routes:\n- to: [consol]", "2: routes[0].to: 'consol' is no channel of this file; did you mean 'console'?"),
        ("routes:\n- to: console\n  stop: 1", "3: routes[0].stop: must be true or false"),
        ("escalate_after_minutes: soon", "1: escalate_after_minutes: must be a number of minutes up to a year"),
        ("escalate_after_minutes: 0", "1: escalate_after_minutes: must be a number of minutes up to a year"),
        ("escalate_after_minutes: .inf", "1: escalate_after_minutes: must be a number of minutes up to a year"),
        ("escalate_after_minutes: true", "1: escalate_after_minutes: must be a number of minutes up to a year"),
        ("default: []", "1: default: at least one channel has to be named"),
        ("channels: {a: {}}", "1: channels.a: must have one kind of channel of console, slack"),
        ("channels: {a: {console: {}, apprise: {url_variable: A}}}", "1: channels.a: must have one kind"),
        ("channels: {a: {slak: {}}}", "1: channels.a.slak: is not a key here; did you mean 'slack'?"),
        ("channels: {console: {slack: {channel: '#a'}}}", "1: channels.console: console is the name of the console"),
        ("channels: {a: {slack: {channel: alerts}}}", "1: channels.a.slack.channel: must be a channel in quotes"),
        ("channels: {a: {slack: {}}}", "1: channels.a.slack.channel: must be a channel in quotes"),
        ("channels: {a: {slack: {channel: '#a', base_url: ftp.x}}}", "1: channels.a.slack.base_url: must be a URL"),
        ("channels: {a: {apprise: {}}}", "1: channels.a.apprise.url_variable: must be the name of an environment"),
        ("channels: {a: {email: {to: [], from: a@b.c}}}", "1: channels.a.email.to: at least one address"),
        ("channels: {a: {email: {to: [a@b.c]}}}", "1: channels.a.email.from: must be an address"),
        ("channels: {a: {email: {to: 'a@b.c, d', from: a@b.c}}}", "1: channels.a.email.to: must be an address"),
    ],
)
def test_a_mistake(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("severity: [crit]", "severity: 'crit' is not known; did you mean 'critical'?; the words are info, warning"),
        ("severity: []", "severity: is empty"),
        ("at_least: worst", "at_least: 'worst' is not known; the words are"),
        ("{at_least: error, severity: error}", "at_least: cannot stand beside severity"),
        ("owners: [team:sales]", "owners: is not a key here; did you mean 'owner'?"),
        ("owner: {a: b}", "owner: must be a list of texts, such as [team:sales]"),
        ("assets: [group:sales]", "assets: must be a selection of assets as one text"),
        ("assets: group:none", "assets: 'group:none' selects no asset"),
        ("assets: 'group:(('", "assets: 'group:((' is no selection of assets"),
        ("tags: {urgent: yes}", "tags.urgent: must be a text; put numbers, yes and no in quotes"),
        ("source: [checks]", "source: 'checks' is not known; did you mean 'check'?"),
        ("hours: business", "hours: the file has no business_hours at its top"),
        ("hours: [business]", "hours: ['business'] is not known"),
    ],
)
def test_a_mistake_in_a_condition(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(tmp_path, f"routes:\n- to: [console]\n  when:\n    {text}\n")
    assert problem.startswith(f"4: routes[0].when.{expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{days: [mon], from: '08:00', to: 18:00}", "to: must be a time in quotes"),
        ("{days: [mon], from: '8', to: '18:00'}", "from: must be a time in quotes"),
        ("{days: [mon], from: '18:00', to: '08:00'}", "to: must be later than from"),
        ("{days: [tues], from: '08:00', to: '18:00'}", "days: 'tues' is no day; did you mean 'tue'?"),
        ("{days: mon, from: '08:00', to: '18:00'}", "days: must be a list of days"),
        ("{days: [mon], from: '08:00', to: '18:00', holidays: NO}", "holidays: must be a country such as"),
        ("{days: [mon], from: '08:00', to: '18:00', holidays: XX}", "holidays: the package holidays has no country"),
        ("{days: [mon], from: '08:00', to: '18:00', holidays: DE/XX}", "holidays: the package holidays has no subdiv"),
    ],
)
def test_a_mistake_in_business_hours(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(tmp_path, f"business_hours: {text}\n")
    assert problem.startswith(f"1: business_hours.{expected}")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path, "timezone: x\nchannels: {a: {slak: {}}}\nroutes:\n- to: [b]\n- when: {hours: late}\n  to: [a]\n"
    )
    assert [problem.split(":")[0] for problem in found] == ["1", "2", "4", "5"]


SECRETS = {
    "xoxb-1234567890-abcdefghij": "a token of Slack",
    "xoxe.xoxp-1-Mi0yLTEyMw": "a token of Slack",
    "xapp-1-A111-222-b3": "a token of Slack",
    "0123456789abcdef0123456789abcdef": "a key",
    "R0123456789ABCDEFGHIJKLMNOPQRSTU": "a key",
    "https://ann:hunter2@proxy.example.com/": "a URL with a password",
    "https://hooks.slack.com/services/T0/B0/zzzz": "the URL of a webhook",
    "https://example.webhook.office.com/webhookb2/zzzz": "the URL of a webhook",
    "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV": "the URL of a service",
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "text",
    [
        "channels: {a: {slack: {channel: '#a', token: SECRET}}}",
        "channels: {a: {slack: {channel: SECRET}}}",
        "channels: {a: {slack: {channel: '#a', token_variable: SECRET, base_url: SECRET}}}",
        "channels: {a: {pagerduty: {routing_key: SECRET, url: SECRET}}}",
        "channels: {a: {apprise: {url_variable: SECRET}}}",
        "channels: {a: {apprise: {url: SECRET}}}",
        "channels: {a: {email: {to: [SECRET], from: SECRET, variables: SECRET}}}",
        "channels: {a: {apprise: {'SECRET': x}}}",
        "routes: [{to: [SECRET], when: {owner: SECRET, tags: {SECRET: SECRET}}}]",
        "timezone: SECRET",
        "routes: [{to: [console], when: {assets: 'SECRET', severity: SECRET}}]",
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, secret: str, text: str) -> None:
    found = problems(tmp_path, text.replace("SECRET", f'"{secret}"' if "'" not in text else secret))
    assert any(f"looks like {SECRETS[secret]}" in problem for problem in found)
    assert secret not in "\n".join(found)


@pytest.mark.parametrize("name", ["hunter2", "r0123456789abcdefghi", "my token"])
def test_what_is_no_name_of_a_variable_may_be_a_secret(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, f"channels: {{a: {{pagerduty: {{routing_key_variable: {name}}}}}}}")
    assert "must be the name of an environment variable" in problem
    assert name not in problem


@pytest.mark.parametrize("text", ["https://slack.example.com/api", "https://events.eu.pagerduty.com/v2/enqueue"])
def test_an_address_is_no_secret(tmp_path: Path, text: str) -> None:
    read(tmp_path, f"channels: {{a: {{pagerduty: {{url: {text}}}}}}}")
