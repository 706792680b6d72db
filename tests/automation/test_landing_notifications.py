"""Notifications of a bucket wake the sensor, which then looks at what they name: real S3 and SQS servers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from demo.object_store import S3Server
from platform_assets.automation import landing_watches
from platform_assets.automation.arrival_sensor import arrival_sensor
from platform_assets.automation.cursor import read_cursor
from platform_assets.environment import read_environment
from platform_assets.feeds.feed import Feed
from platform_assets.instance.wakes import woken_at
from platform_assets.landing import notifications
from platform_assets.landing import objects as landing_objects
from platform_assets.landing.found import Completeness
from platform_assets.landing.notifications import QueueUnreachable, QueueWatch, waiting_messages
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.watched import WatchedFeed
from platform_assets.sql.contract_file import read_contract
from resources.by_environment import platform_resources
from tests.automation.test_arrival_sensor import CONTRACT, DAILY
from tests.support.watched_landing import until


@dataclass
class Bucket:
    """A bucket that notifies a queue of what is put into it."""

    url: str
    queue: str
    s3: Any
    sqs: Any

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.url.removeprefix("s3://"), Key=f"landing/{key}", Body=b"id\n1\n")

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def left(self) -> int:
        attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=attributes)["Attributes"]
        return sum(int(number) for number in found.values())


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(notifications, "LONGEST_WAIT", 1)  # a watch ends with its last request
    url = s3.bucket()
    objects, sqs = boto3.client("s3"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName=url.removeprefix("s3://"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    objects.put_bucket_notification_configuration(
        Bucket=url.removeprefix("s3://"),
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    return Bucket(url, queue, objects, sqs)


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    monkeypatch.setattr(landing_watches, "_watches", {})
    monkeypatch.setattr(landing_watches, "_reported", set())
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    contract = read_contract(tmp_path / "contract.yaml")
    yield Feed(contract, DAILY, ArrivalPattern("orders/%Y-%m-%d.csv"), Completeness(settle_seconds=3600))
    for watch in landing_watches._watches.values():
        watch.end()


def tick(feed: Feed, home: Path, bucket: Bucket, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    variables = {
        "PLATFORM_HOME": str(home), "PLATFORM_ENV": "test",
        "PLATFORM_LANDING": f"{bucket.url}/landing", "PLATFORM_LANDING_EVENTS": bucket.queue,
    }  # fmt: skip
    with dg.SensorEvaluationContext(
        last_tick_completion_time=None, last_run_key=None, cursor=cursor, repository_name=None,
        instance_ref=instance.get_ref(), instance=instance,
        resources=platform_resources(read_environment(variables, cwd=home)),
    ) as context:  # fmt: skip
        return arrival_sensor(feed)(context)


@pytest.mark.slow
def test_an_object_wakes_the_sensor_which_looks_at_it_wherever_the_round_is(
    tmp_path: Path, bucket: Bucket, feed: Feed, lasting: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(lasting.root_directory)
    cursor = tick(feed, tmp_path, bucket, lasting, None).cursor
    # nothing of it is found by a look
    monkeypatch.setattr(landing_objects.LandingObjects, "_round", lambda _self, rotation, _limit: (rotation, []))
    monkeypatch.setattr(landing_objects.LandingObjects, "_at_hand", lambda *_: [])
    bucket.put("orders/2024-01-07.csv")
    until(lambda: woken_at(home, "orders_arrivals"))
    asked: list[str | None] = []

    def is_asked() -> bool:
        requests = tick(feed, tmp_path, bucket, lasting, cursor).run_requests or ()
        asked.extend(request.partition_key for request in requests)
        return bool(asked)

    until(is_asked)
    assert asked == ["2024-01-07"]
    until(lambda: bucket.left() == 0)


def test_what_is_not_complete_yet_is_looked_at_again_wherever_the_round_is(
    tmp_path: Path, bucket: Bucket, feed: Feed, lasting: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = dataclasses.replace(feed, pattern=ArrivalPattern("orders/%Y-%m-%d_*.csv"))
    cursor = tick(several, tmp_path, bucket, lasting, None).cursor
    monkeypatch.setattr(landing_objects.LandingObjects, "_round", lambda _self, rotation, _limit: (rotation, []))
    monkeypatch.setattr(landing_objects.LandingObjects, "_at_hand", lambda *_: [])
    bucket.put("orders/2024-01-07_a.csv")
    cursors = [cursor]

    def is_remembered() -> bool:
        result = tick(several, tmp_path, bucket, lasting, cursors[-1])
        assert not result.run_requests
        cursors.append(result.cursor)
        return read_cursor(result.cursor).early == ("2024-01-07",)

    until(is_remembered)
    settled = dataclasses.replace(several, completeness=Completeness(settle_seconds=0))
    until(lambda: tick(settled, tmp_path, bucket, lasting, cursors[-1]).run_requests)


def test_messages_of_every_kind_are_taken_and_those_of_others_stop_nothing(bucket: Bucket) -> None:
    woken: list[str] = []
    watch = QueueWatch(f"{bucket.url}/landing/", bucket.queue, woken.append)
    watch.add(WatchedFeed("orders", ArrivalPattern("orders/%Y-%m-%d.csv"), Completeness(3600), one_file=True))
    name = bucket.url.removeprefix("s3://")
    record = {"s3": {"bucket": {"name": name}, "object": {"key": "landing/orders/2024-01-01.csv"}}}
    bucket.send("no JSON")
    bucket.send("[]")
    bucket.send(json.dumps({"Event": "s3:TestEvent"}))
    bucket.send(json.dumps({"Records": [{"s3": {"bucket": {"name": "other"}, "object": {"key": "x"}}}]}))
    bucket.send(json.dumps({"Records": [record]}))
    bucket.send(json.dumps({"Type": "Notification", "Message": json.dumps({"Records": [
        {"s3": {"bucket": {"name": name}, "object": {"key": "landing%2Forders/2024-01-02.csv"}}}]})}))  # fmt: skip
    bucket.send(json.dumps({"detail-type": "Object Created", "detail": {
        "bucket": {"name": name}, "object": {"key": "landing/orders/2024-01-03.csv"}}}))  # fmt: skip
    hints: set[str] = set()

    def all_came() -> bool:
        hints.update(watch.take_hints("orders"))
        return len(hints) == 3

    try:
        until(all_came)
        until(lambda: bucket.left() == 0)
        until(lambda: woken)
    finally:
        watch.end()
    assert hints == {f"orders/2024-01-0{day}.csv" for day in (1, 2, 3)}
    assert watch.trouble is None


def test_a_queue_says_how_many_messages_wait(bucket: Bucket) -> None:
    before = waiting_messages(bucket.queue)
    bucket.send("{}")
    assert waiting_messages(bucket.queue) == before + 1
    with pytest.raises(QueueUnreachable, match=f"{bucket.queue}-none: "):
        waiting_messages(f"{bucket.queue}-none")


def test_a_queue_that_is_not_there_is_said(bucket: Bucket) -> None:
    watch = QueueWatch(bucket.url, f"{bucket.queue}-none", lambda _: None)
    watch.add(WatchedFeed("orders", ArrivalPattern("orders/%Y-%m-%d.csv"), Completeness(0), one_file=True))
    try:
        until(lambda: watch.trouble is not None)
    finally:
        watch.end()
    assert "NonExistentQueue" in str(watch.trouble)
