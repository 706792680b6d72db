"""Sends what is in the outbox, until every channel has taken it.

Each channel is served by a thread of its own, in the order of its notices, so that one which hangs holds up no other.
A notice is claimed in the store before it is sent. Whoever dies in between leaves it claimed; it is sent again when
the claim has run out, and the channel is told that it may have arrived.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platform_assets.alerts.notice_json import from_json
from platform_assets.alerts.notices import Channel, ChannelError, NoChannel
from platform_assets.alerts.store import AlertStore
from platform_assets.logs import logger

log = logger(__name__)

CLAIM_SECONDS = 60.0
SEND_SECONDS = 15.0
"""More than a channel waits for its receiver: what is claimed for less than that is left to the next claim."""
FIRST_WAIT = 2.0
LONGEST_WAIT = 300.0
ABSENT_WAIT = 10.0
"""Seconds before a channel is looked for again that the alerts file does not have now."""
LINGER_SECONDS = 3.0
STEP_SECONDS = 0.1
AT_ONCE = 50
"""Notices of all channels that are claimed together."""
LATE_ATTEMPTS = 4
"""Attempts after which a channel counts as one that takes no alerts."""


@dataclass
class Sent:
    """What became of notices: how many each channel took, and the reason of the latest that it did not take."""

    delivered: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class Sender:
    """Sends what is in the outbox of ``store``.

    ``channel_of`` makes the channel of a name, or raises ``ChannelError``. What is claimed is nobody else's for so many
    seconds. ``clock`` gives seconds since 1970. What is for channels ``without`` is left to somebody else.
    """

    def __init__(
        self,
        store: AlertStore,
        channel_of: Callable[[str], Channel],
        *,
        claim: float = CLAIM_SECONDS,
        clock: Callable[[], float] = time.time,
        without: Collection[str] = (),
    ) -> None:
        self._without = without
        self._store, self._channel_of, self._claim, self._clock = store, channel_of, claim, clock
        self._workers: dict[str, threading.Thread] = {}
        self._lock, self._done = threading.Lock(), Sent()

    def send(self, *, seconds: float, linger: float = LINGER_SECONDS) -> Sent:
        """Send for up to ``seconds``; what became of all notices so far.

        Returns earlier if nothing is under way or due within ``linger`` seconds. A thread whose receiver hangs is left
        behind; what it had claimed is tried again later.
        """
        until = time.monotonic() + seconds
        while True:
            busy = [name for name, thread in self._workers.items() if thread.is_alive()]
            passed_over = [*busy, *self._without]
            with self._store.transaction() as transaction:
                claimed = transaction.claim(self._clock(), self._clock() + self._claim, AT_ONCE, without=passed_over)
                next_due = transaction.next_due(without=passed_over)
            self._start(claimed)
            left = until - time.monotonic()
            waits = next_due is not None and next_due <= self._clock() + linger
            if left <= 0 or not (claimed or busy or waits):
                return self._done
            thread = next((each for each in self._workers.values() if each.is_alive()), None)
            if thread is not None:
                thread.join(min(left, STEP_SECONDS))
            elif not claimed:
                time.sleep(min(left, STEP_SECONDS))

    def _start(self, claimed: Sequence[Mapping[str, Any]]) -> None:
        by_channel: dict[str, list[Mapping[str, Any]]] = {}
        for row in claimed:
            by_channel.setdefault(row["channel"], []).append(row)
        for name, rows in by_channel.items():
            thread = threading.Thread(target=self._serve, args=(name, rows), name=f"alerts to {name}", daemon=True)
            self._workers[name] = thread
            thread.start()

    def _serve(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Send the rows of one channel in their order; after one that fails, the others wait as long as it does.

        After one that it takes, what waited for the channel is due at once.
        """
        for place, row in enumerate(rows):
            if self._clock() > row["claimed_until"] - SEND_SECONDS:
                self._put_back(rows[place:], self._clock())
                return
            wait, problem = backoff(row["attempts"]), ""
            try:
                channel = self._channel_of(name)
                thread = channel.send(from_json(row["body"]), thread=row["thread"], again=row["attempts"] > 1)
            except NoChannel as error:
                self._put_back(rows[place:], self._clock() + ABSENT_WAIT, str(error))
                with self._lock:
                    self._done.failed[name] = str(error)
                return
            except ChannelError as error:
                problem = str(error)
                wait = error.retry_after or backoff(row["attempts"], permanent=error.permanent)
            except Exception as error:
                # its text may hold the address, with a secret in it
                problem = f"{type(error).__name__} in the channel"
            if problem:
                self._failed(name, row, problem, wait)
                self._put_back(rows[place + 1 :], self._clock() + wait, problem)
                return
            with self._store.transaction() as transaction:
                transaction.sent(row, thread or row["thread"], self._clock())
                transaction.wake(name, self._clock())
            with self._lock:
                self._done.delivered[name] = self._done.delivered.get(name, 0) + 1
                self._done.failed.pop(name, None)

    def _failed(self, name: str, row: Mapping[str, Any], problem: str, wait: float) -> None:
        log.warning("%s has not taken %s: %s; tried again in %.0f s", name, row["incident"], problem, wait)
        with self._store.transaction() as transaction:
            transaction.not_sent(row, problem, self._clock() + wait)
        with self._lock:
            self._done.failed[name] = problem

    def _put_back(self, rows: Sequence[Mapping[str, Any]], due: float, problem: str = "") -> None:
        with self._store.transaction() as transaction:
            for row in rows:
                transaction.put_back(row, due, problem)


def backoff(attempts: int, *, permanent: bool = False) -> float:
    """Seconds before the next attempt: twice as many each time, up to five minutes, and always as many for a problem
    that only somebody can mend."""
    return LONGEST_WAIT if permanent else min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempts - 1))
