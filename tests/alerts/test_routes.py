"""Which channels are told, by what and when."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.alerts.routing.alerts_file import read_alerts
from platform_assets.alerts.routing.choosing import channels_for
from platform_assets.alerts.routing.model import Alerts
from platform_assets.alerts.signals import About, Severity, Signal, Source

CHANNELS = "channels: {a: {console: {}}, b: {console: {}}, c: {console: {}}}\n"
MONDAY = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)


def alerts_of(folder: Path, text: str) -> Alerts:
    path = folder / "alerts.yaml"
    path.write_text(CHANNELS + text, encoding="utf-8")
    return read_alerts(path, resolve=lambda selection: [selection])


def told(
    alerts: Alerts,
    about: About | None = None,
    *,
    at: dt.datetime = MONDAY,
    source: Source = Source.RUN,
    severity: Severity = Severity.ERROR,
    of_asset: bool = True,
) -> tuple[str, ...]:
    signal = Signal(source, "raw/orders", at, severity=severity, of_asset=of_asset)
    return channels_for(alerts, signal, about or About(), at)


def test_every_route_that_fits_is_used_once_and_in_order(tmp_path: Path) -> None:
    alerts = alerts_of(tmp_path, "routes: [{to: [b, a]}, {when: {source: tick}, to: [c]}, {to: [a, c]}]")
    assert told(alerts) == ("b", "a", "c")


def test_a_route_that_stops_is_the_last_if_it_fits(tmp_path: Path) -> None:
    alerts = alerts_of(tmp_path, "routes: [{when: {severity: error}, to: [a], stop: true}, {to: [b]}]")
    assert told(alerts) == ("a",)
    assert told(alerts, severity=Severity.CRITICAL) == ("b",)


def test_what_no_route_fits_is_told_to_the_default(tmp_path: Path) -> None:
    route = "routes: [{when: {source: tick}, to: [a]}]"
    assert told(alerts_of(tmp_path, route)) == ("console",)
    assert told(alerts_of(tmp_path, f"{route}\ndefault: [c]")) == ("c",)
    assert told(Alerts()) == ("console",)


@pytest.mark.parametrize(
    ("severity", "expected"), [(Severity.INFO, "b"), (Severity.ERROR, "a"), (Severity.CRITICAL, "a")]
)
def test_at_least_means_this_or_worse(tmp_path: Path, severity: Severity, expected: str) -> None:
    alerts = alerts_of(tmp_path, "routes: [{when: {at_least: error}, to: [a]}]\ndefault: [b]")
    assert told(alerts, severity=severity) == (expected,)


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ("owner: team:sales", True),
        ("owner: [team:x, team:sales]", True),
        ("owner: [team:x]", False),
        ("tags: {domain: sales}", True),
        ("tags: {domain: sales, tier: '1'}", True),
        ("tags: {domain: sales, tier: '2'}", False),
        ("tags: {other: sales}", False),
        ("assets: raw/orders", True),
        ("assets: raw/customers", False),
        ("source: [check, run]", True),
        ("source: [check]", False),
        ("owner: team:sales, source: check", False),
    ],
)
def test_a_condition(tmp_path: Path, when: str, fits: bool) -> None:
    alerts = alerts_of(tmp_path, f"routes: [{{when: {{{when}}}, to: [a]}}]")
    about = About(("ann@example.com", "team:sales"), {"domain": "sales", "tier": "1"})
    assert told(alerts, about) == (("a",) if fits else ("console",))


def test_a_sensor_with_the_name_of_an_asset_is_no_asset(tmp_path: Path) -> None:
    alerts = alerts_of(tmp_path, "routes: [{when: {assets: raw/orders}, to: [a]}]")
    assert told(alerts, of_asset=False) == ("console",)


HOURS = """
timezone: Europe/Berlin
business_hours:
- {days: [mon, tue, wed, thu], from: "08:00", to: "18:00", holidays: DE}
- {days: [fri], from: "08:00", to: "13:00", holidays: DE}
- {days: [sat], from: "20:00", to: "24:00"}
routes: [{when: {hours: business}, to: [a]}, {when: {hours: outside}, to: [b]}]
"""


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-01-05 06:59", "b"),  # Monday, 07:59 in winter
        ("2026-01-05 07:00", "a"),
        ("2026-01-05 16:59", "a"),
        ("2026-01-05 17:00", "b"),
        ("2026-07-06 05:59", "b"),  # Monday, 07:59 in summer
        ("2026-07-06 06:00", "a"),
        ("2026-07-06 16:00", "b"),
        ("2026-01-09 12:00", "b"),  # Friday, 13:00
        ("2026-01-09 11:59", "a"),
        ("2026-01-10 22:59", "a"),  # Saturday, 23:59
        ("2026-01-10 23:00", "b"),
        ("2026-01-10 19:00", "a"),
        ("2026-01-01 09:00", "b"),  # New Year's Day, a Thursday
        ("2026-12-24 09:00", "a"),  # Christmas Eve is half a holiday, and counts as a day
        ("2026-03-29 00:30", "b"),  # the hour before the clock goes forward, a Sunday
    ],
)
def test_business_hours_are_on_the_clock_of_the_timezone(tmp_path: Path, utc: str, expected: str) -> None:
    at = dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)
    assert told(alerts_of(tmp_path, HOURS), at=at) == (expected,)


def test_holidays_of_a_subdivision(tmp_path: Path) -> None:
    epiphany = dt.datetime(2026, 1, 6, 9, tzinfo=dt.UTC)
    hours = 'business_hours: {days: [tue], from: "08:00", to: "18:00", holidays: %s}\n'
    route = "routes: [{when: {hours: business}, to: [a]}]"
    assert told(alerts_of(tmp_path, hours % "DE" + route), at=epiphany) == ("a",)
    assert told(alerts_of(tmp_path, hours % "DE/BY" + route), at=epiphany) == ("console",)


LAPTOP = """
import datetime as dt, os, sys
from pathlib import Path
from platform_assets.alerts.channels.making import make_channel
from platform_assets.alerts.routing.alerts_file import read_alerts
from platform_assets.alerts.routing.choosing import channels_for
from platform_assets.alerts.signals import About, Signal, Source
from tests.alerts.notices import notice

alerts = read_alerts(Path("alerts.yaml"), resolve=lambda selection: [])
signal = Signal(Source.RUN, "raw/orders", dt.datetime.now(dt.UTC))
for name in channels_for(alerts, signal, About(), signal.at):
    make_channel(name, alerts.channels[name], os.environ).send(notice())
print(*sys.modules)
"""


def test_without_a_file_nothing_but_the_console_is_imported(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LAPTOP], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "[ERROR] raw/orders: 2 partitions were rejected" in done.stderr
    heavy = {"apprise", "dagster", "dagster_pagerduty", "dagster_slack", "holidays", "pypd", "requests", "slack_sdk"}
    assert done.stdout
    assert heavy.isdisjoint(done.stdout.split()), done.stderr
