"""Notifications of a bucket: what S3 puts into an SQS queue, so that what arrives need not wait for the next look.

A notification is a hint and never the only one: what was lost is found by the looks at the bucket, which go on. It may
come from S3 itself, through SNS or through EventBridge.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from platform_assets.failures import Kind, PlatformError
from platform_assets.landing.changes import Changes
from platform_assets.landing.walk import is_passed_over
from platform_assets.landing.watched import WatchedFeed, WatchedFeeds
from platform_assets.logs import logger

log = logger(__name__)

LONGEST_WAIT = 20
"""Seconds that a request waits for a notification; SQS allows no more."""

AFTER_A_FAULT = 30.0
MOST_HINTS = 1_000
"""Paths of a feed that are remembered for its next tick; further ones are found by looks."""

_REGION = re.compile(r"https?://sqs\.([a-z0-9-]+)\.")


class QueueUnreachable(PlatformError):
    """The queue of notifications does not answer, or not to these credentials."""

    kind = Kind.MISCONFIGURED
    code = "landing:queue"


class QueueWatch:
    """Takes the notifications of the ``queue`` (its URL) about what lies below the URL ``landing``.

    ``wake`` is called with the name of each feed that is due. Each notification is taken once: the queue is of this
    landing place and process alone.
    """

    def __init__(self, landing: str, queue: str, wake: Callable[[str], None]) -> None:
        self.changes = Changes()
        self.trouble: str | None = None
        self._queue, self._wake = queue, wake
        bucket, _, folder = landing.removeprefix("s3://").partition("/")
        self._bucket, self._beginning = bucket, f"{folder.rstrip('/')}/" if folder.strip("/") else ""
        self._lock = threading.Lock()
        self._feeds = WatchedFeeds()
        self._hints: dict[str, set[str]] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_s3 = landing.startswith("s3://")
        if not self._is_s3:
            self.trouble = "notifications are taken from the SQS queue of an S3 bucket only"

    def add(self, feed: WatchedFeed) -> None:
        """Take notifications of the feed's objects."""
        with self._lock:
            self._feeds.add(feed)
            if (self._thread is None or not self._thread.is_alive()) and self._is_s3:
                self._thread = threading.Thread(target=self._run, name="landing notifications", daemon=True)
                self._thread.start()

    def take_hints(self, name: str) -> frozenset[str]:
        """The paths of a feed's objects that have changed since it was asked last."""
        with self._lock:
            return frozenset(self._hints.pop(name, ()))

    def end(self) -> None:
        """Stop, for good; a request that waits is waited for."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        client = None
        while not self._ended.is_set():
            due = self.changes.next_due()
            left = LONGEST_WAIT if due is None else due - time.monotonic()
            try:
                client = client or _client(self._queue)
                if left < 1:
                    self._ended.wait(max(0.0, left))
                self._take(client, max(0, min(LONGEST_WAIT, int(left))))
                self.trouble = None
            except Exception as error:  # whatever the client raises: looks go on without notifications
                words = _words(error)
                if words != self.trouble:
                    log.warning("no notifications of the landing place are taken now: %s", words)
                self.trouble = words
                self._ended.wait(AFTER_A_FAULT)
            for name in self.changes.take_due(time.monotonic()):
                try:
                    self._wake(name)
                except OSError as error:
                    log.warning("the sensor %s is evaluated at its next interval: it cannot be woken: %s", name, error)

    def _take(self, client: Any, seconds: int) -> None:
        answer = client.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
        messages = answer.get("Messages", [])
        for message in messages:
            for path in self._paths(message["Body"]):
                self._changed(path)
        if messages:
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            client.delete_message_batch(QueueUrl=self._queue, Entries=entries)

    def _paths(self, body: str) -> Iterator[str]:
        """The paths below the landing place that a notification is about."""
        try:
            for bucket, key in _objects(json.loads(body)):
                if bucket == self._bucket and key.startswith(self._beginning):
                    yield key[len(self._beginning) :]
        except (ValueError, TypeError, KeyError, AttributeError):
            log.warning("a message in the queue of notifications is none of S3, and was removed")

    def _changed(self, path: str) -> None:
        if any(is_passed_over(part) for part in path.split("/")):
            return
        now = time.monotonic()
        with self._lock:
            for feed in self._feeds.of_file(path):
                hints = self._hints.setdefault(feed.name, set())
                if len(hints) < MOST_HINTS:
                    hints.add(path)
                if feed.is_marker(path) or feed.is_whole_once_moved(path):
                    self.changes.declared(feed.name, path, now=now)
                else:
                    self.changes.written(feed.name, path, now=now, wait=feed.settle_seconds)


def _objects(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Bucket and key of each object that a message is about."""
    if isinstance(message.get("Message"), str):
        yield from _objects(json.loads(message["Message"]))
    for record in message.get("Records", ()):
        yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
    if "detail" in message:
        yield message["detail"]["bucket"]["name"], message["detail"]["object"]["key"]


def _client(queue: str) -> Any:
    import boto3
    from botocore.config import Config

    region = _REGION.match(queue)
    patience = Config(connect_timeout=10, read_timeout=LONGEST_WAIT + 20, retries={"max_attempts": 2})
    return boto3.client("sqs", region_name=region[1] if region else None, config=patience)


def waiting_messages(queue: str) -> int:
    """About how many messages wait in the queue; :class:`QueueUnreachable` if it does not say."""
    try:
        found = _client(queue).get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    except Exception as error:
        raise QueueUnreachable(f"{queue}: {_words(error)}") from error
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


def _words(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "SQS needs the package boto3: pip install 'platform-assets[sqs]'"
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return code or type(error).__name__
