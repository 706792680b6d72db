"""What bad data of a feed makes of alerts: the kind, who acts, partitions, published tables, and no value of a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.rounds import AlertRound
from tests.automation.alerted import FILE, Clock
from tests.support.mail_receiver import MailReceiver
from tests.support.projects import Project, opened, write_project
from tests.support.receivers import PagerDutyReceiver, SlackReceiver
from tests.support.shop import CONTRACT, DAYS, FEED, PARTITIONS

CANARIES = ("Canary-Person", "canary@example.org", "DE89370400440532013000", "tr0ub4dor-canary")
COLUMNS = """\
      - {name: id, logicalType: integer, required: true, unique: true}
      - {name: customer, logicalType: string, logicalTypeOptions: {pattern: "^[a-z]+$"}}
      - {name: mail, logicalType: string}
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Iterator[Project]:
    write_project(
        tmp_path / "project",
        {
            "orders/defs.yaml": FEED.format(files="orders/%Y-%m-%d.csv") + f"  partitions: {PARTITIONS}\n",
            "orders/contract.yaml": CONTRACT.format(name="orders", columns=COLUMNS),
            "published/defs.yaml": "type: platform_assets.PublishedTable\nattributes:\n  source: raw/orders\n"
            f"  group: shop\n  partitions: {PARTITIONS}\n",
        },
    )
    with opened(tmp_path / "project") as project:
        yield project


def test_a_rejected_delivery_is_told_to_who_has_to_act_without_its_rows(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project.landing / "orders"
    folder.mkdir(parents=True)
    for day in DAYS[:2]:
        rows = "".join(f"{number},{CANARIES[0]},{CANARIES[1]} {CANARIES[2]}\n" for number in range(3))
        (folder / f"{day}.csv").write_text(f"id,customer,mail\n{rows}1,\n")
    monkeypatch.setenv("PLATFORM_PSEUDONYM_KEY", CANARIES[3])
    monkeypatch.setenv("PLATFORM_UI_URL", "http://ui.example.com")
    with SlackReceiver() as slack, PagerDutyReceiver() as pagerduty, MailReceiver() as mail:
        for name, value in {
            "SLACK_BOT_TOKEN": slack.token, "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
            "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), "SMTP_SECURITY": "none",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        file = project.root / "alerts.yaml"
        file.write_text(FILE.format(slack=slack.url, pagerduty=pagerduty.url))
        alerts = AlertRound.of(project.instance, Location.of(project.definitions.get_repository_def()), file)
        alerts.run(Clock(), seconds=60)
        assert not project.run("key:*/orders", DAYS[0], DAYS[1]).success
        alerts.run(Clock(), seconds=60)
        (message,) = [found for found in slack.first_messages if "lake/orders" in json.dumps(found.blocks)]
        told = json.dumps(message.blocks)
        for wanted in (DAYS[0], DAYS[1], "sender", "published/orders", "team:shop", "http://ui.example.com/runs/"):
            assert wanted in told, told
        everything = json.dumps([asked.body for asked in (*slack.asked, *pagerduty.asked)]) + "".join(
            part.get_content() for found in mail.mails for part in found.iter_parts()
        )
        for canary in CANARIES:
            assert canary not in everything
        assert len(slack.first_messages) == 1, "what is downstream of it is told with it"
