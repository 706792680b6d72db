"""A project of plain assets with an alerts file, its instance, and the receivers that it tells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from platform_assets.alerts.store import AlertStore
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.places import store_of
from platform_assets.automation.alerting.rounds import AlertRound
from tests.support.mail_receiver import MailReceiver
from tests.support.projects import QUIET, quick_instance
from tests.support.receivers import PagerDutyReceiver, SlackReceiver

FILE = """\
channels:
  team: {{slack: {{channel: "#data-alerts", base_url: "{slack}"}}}}
  on-call: {{pagerduty: {{url: "{pagerduty}"}}}}
  mail: {{email: {{to: [data@example.com], from: platform@example.com}}}}
routes:
  - to: [team, on-call, mail]
"""


@dataclass
class Clock:
    """The time, moved forward by a test; it goes on by itself from there."""

    moved: dt.timedelta = dt.timedelta()

    def __call__(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.moved

    def advance(self, **given: float) -> None:
        self.moved += dt.timedelta(**given)


@dataclass
class Alerted:
    """``fails`` are the assets that fail when they are run, with the one ``error``."""

    root: Path
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    slack: SlackReceiver
    pagerduty: PagerDutyReceiver
    mail: MailReceiver
    fails: set[str]
    error: list[type[Exception]]
    clock: Clock = field(default_factory=Clock)

    @property
    def file(self) -> Path:
        return self.root / "alerts.yaml"

    @property
    def store(self) -> AlertStore:
        return store_of(self.instance)

    def run(self, *assets: str, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance, asset_selection=[dg.AssetKey(name) for name in assets], run_config=QUIET,
            raise_on_error=False, tags=dict(tags or {}),
        )  # fmt: skip

    def tell(self, *, seconds: float = 60) -> None:
        """A round, as the sensor does it."""
        location = Location.of(self.definitions.get_repository_def())
        AlertRound.of(self.instance, location, self.file).run(self.clock, seconds=seconds)

    @property
    def events(self) -> list[str]:
        """What PagerDuty was asked for, in order."""
        return [event["event_action"] for event in self.pagerduty.events]


@contextmanager
def alerted(root: Path, assets: dict[str, list[str]], variables: object) -> Iterator[Alerted]:
    """``assets`` have those directly upstream; ``variables`` is a ``pytest.MonkeyPatch``."""
    fails: set[str] = set()
    error: list[type[Exception]] = [ValueError]

    def asset(name: str, deps: list[str]) -> dg.AssetsDefinition:
        @dg.asset(name=name, deps=deps)
        def made() -> None:
            if name in fails:
                raise error[0](f"CANARY of {name}, jane.doe@example.com")

        return made

    definitions = dg.Definitions([asset(name, deps) for name, deps in assets.items()])
    with SlackReceiver() as slack, PagerDutyReceiver() as pagerduty, MailReceiver() as mail:
        for name, value in {
            "SLACK_BOT_TOKEN": slack.token, "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
            "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), "SMTP_SECURITY": "none",
            "PLATFORM_UI_URL": "http://ui.example.com",
        }.items():  # fmt: skip
            variables.setenv(name, value)  # type: ignore[attr-defined]
        root.mkdir(exist_ok=True)
        (root / "alerts.yaml").write_text(FILE.format(slack=slack.url, pagerduty=pagerduty.url))
        (root / "dagster").mkdir(exist_ok=True)
        overrides = {**quick_instance(root), "run_retries": {"enabled": True, "max_retries": 0}}
        with dg.instance_for_test(temp_dir=str(root / "dagster"), overrides=overrides) as instance:
            yield Alerted(root, instance, definitions, slack, pagerduty, mail, fails, error)
