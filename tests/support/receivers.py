"""Receivers of alerts on loopback that answer as Slack, PagerDuty and a webhook do, or fail to.

Each is listening once it is made, and stops by `close` or at the end of a `with` block.
"""

from __future__ import annotations

import itertools
import json
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

HANGS_AT_MOST = 60
STATES = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}


@dataclass(frozen=True)
class Asked:
    """One request, whatever became of it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class _Fault:
    status: int = 0
    retry_after: int | None = None
    answer: Any = None
    carried_out: bool = False


class Receiver(ABC):
    """An HTTP server; what it makes of a request is for those that inherit from it."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._faults: list[_Fault] = []
        self._lock, self._free = threading.Lock(), threading.Event()
        self._free.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail_next(self, *, status: int, retry_after: int | None = None, times: int = 1) -> None:
        """Answer the next requests with this status, and carry none of them out."""
        self._faults += [_Fault(status, retry_after, {"error": "failed"})] * times

    def answer_next(self, answer: Any, *, status: int = 200, times: int = 1) -> None:
        """Give the next requests this answer, a text or a value for JSON, and carry none of them out."""
        self._faults += [_Fault(status, answer=answer)] * times

    def lose_next(self, times: int = 1) -> None:
        """Carry the next requests out, and close the connection without an answer."""
        self._faults += [_Fault(carried_out=True)] * times

    def close_next(self, times: int = 1) -> None:
        """Close the connection of the next requests without carrying them out."""
        self._faults += [_Fault()] * times

    def hang(self) -> None:
        """Answer nothing from now on, and carry nothing out."""
        self._free.clear()

    def release(self) -> None:
        """End what ``hang`` began; those who still wait are answered."""
        self._free.set()

    @abstractmethod
    def carry_out(self, asked: Asked) -> tuple[int, Any]:
        """The status and the answer of a request."""

    def close(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _answered(self, asked: Asked) -> _Fault:
        with self._lock:
            self.asked.append(asked)
            fault = self._faults.pop(0) if self._faults else None
        if fault is not None and not fault.carried_out:
            return fault
        assert self._free.wait(HANGS_AT_MOST), "nobody has released the receiver"
        with self._lock:
            status, answer = self.carry_out(asked)
        return fault or _Fault(status, answer=answer)


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        is_json = "json" in self.headers.get("Content-Type", "")
        read = (json.loads(body) if is_json else dict(parse_qsl(body))) if body else {}
        fault = self.receiver._answered(Asked(self.path, dict(self.headers.items()), read))
        if not fault.status:
            self.close_connection = True
            return
        content = fault.answer if isinstance(fault.answer, str) else json.dumps(fault.answer)
        try:
            self.send_response_only(fault.status)
            if fault.retry_after is not None:
                self.send_header("Retry-After", str(fault.retry_after))
            self.send_header("Content-Length", str(len(content.encode())))
            self.end_headers()
            self.wfile.write(content.encode())
        except ConnectionError:
            # who asked has waited long enough, which is what a test of a receiver that hangs is about
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@dataclass
class SlackMessage:
    """A message as it is now; ``edits`` counts how often it was changed."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    thread_ts: str = ""
    edits: int = 0


class SlackReceiver(Receiver):
    """A workspace with the token ``token`` and one channel, ``#data-alerts`` with the id ``C0000000001``.

    ``messages`` has all of it in order, replies in threads too. ``readable`` is whether the token may read history
    and channels. ``url`` is what the channel is given as its ``base_url``.
    """

    ID, NAME = "C0000000001", "data-alerts"

    def __init__(self, token: str = "xoxb-1-token-of-a-test") -> None:
        self.messages: list[SlackMessage] = []
        self.token, self.readable = token, True
        self._numbers = itertools.count()
        super().__init__()

    @property
    def first_messages(self) -> list[SlackMessage]:
        return [message for message in self.messages if not message.thread_ts]

    @property
    def replies(self) -> list[SlackMessage]:
        return [message for message in self.messages if message.thread_ts]

    def methods(self) -> list[str]:
        """What was asked for, such as ``chat.postMessage``."""
        return [asked.path.strip("/") for asked in self.asked]

    def say(self, text: str, **given: Any) -> SlackMessage:
        """Have a message in the channel, as somebody else may write one."""
        # later than any clock in a test
        self.messages.append(SlackMessage(self.ID, f"{4_000_000_000 + next(self._numbers)}.000100", text, **given))
        return self.messages[-1]

    def refuse_next(self, word: str, times: int = 1) -> None:
        """Answer the next requests as Slack refuses one: with status 200 and a word."""
        self.answer_next({"ok": False, "error": word}, times=times)

    def carry_out(self, asked: Asked) -> tuple[int, Any]:
        if asked.headers.get("Authorization") != f"Bearer {self.token}":
            return 200, {"ok": False, "error": "invalid_auth"}
        method, given = asked.path.strip("/"), asked.body
        if method == "chat.postMessage":
            return 200, self._post(given)
        if method == "chat.update":
            return 200, self._update(given)
        if not self.readable:
            return 200, {"ok": False, "error": "missing_scope"}
        if method == "users.conversations":
            return 200, {
                "ok": True,
                "channels": [{"id": "C0000000009", "name": "x"}, {"id": self.ID, "name": self.NAME}],
            }
        if given.get("channel") != self.ID:
            return 200, {"ok": False, "error": "channel_not_found"}
        if method == "conversations.history":
            found = [m for m in self.first_messages if float(m.ts) >= float(given.get("oldest", 0))][::-1]
        else:
            found = [m for m in self.messages if given["ts"] in (m.ts, m.thread_ts)]
        return 200, {"ok": True, **self._page(found, given)}

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["channel"] not in (self.ID, f"#{self.NAME}"):
            return {"ok": False, "error": "channel_not_found"}
        kept = {key: given[key] for key in ("blocks", "metadata", "thread_ts") if key in given}
        return {"ok": True, "channel": self.ID, "ts": self.say(given["text"], **kept).ts}

    def _update(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [m for m in self.messages if (m.channel, m.ts) == (given["channel"], given["ts"])]
        if not found:
            return {"ok": False, "error": "message_not_found"}
        found[0].text, found[0].blocks = given["text"], given.get("blocks", [])
        found[0].edits += 1
        return {"ok": True, "channel": self.ID, "ts": found[0].ts}

    @staticmethod
    def _page(found: list[SlackMessage], given: dict[str, Any]) -> dict[str, Any]:
        start, size = int(given.get("cursor") or 0), int(given["limit"])
        shown = [
            {key: value for key, value in vars(message).items() if value} for message in found[start : start + size]
        ]
        more = str(start + size) if start + size < len(found) else ""
        return {"messages": shown, "response_metadata": {"next_cursor": more}}


class PagerDutyReceiver(Receiver):
    """The Events API v2: ``events`` are all that were taken, ``alerts`` the state of each by its deduplication key."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.alerts: dict[str, str] = {}
        super().__init__()

    def carry_out(self, asked: Asked) -> tuple[int, Any]:
        event = asked.body
        if len(event["routing_key"]) != 32 or not event["payload"]["summary"]:
            return 400, {"status": "invalid event", "errors": ["Length of 'routing_key' is incorrect"]}
        self.events.append(event)
        self.alerts[event["dedup_key"]] = STATES[event["event_action"]]
        return 202, {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}


class WebhookReceiver(Receiver):
    """A webhook that takes JSON, for apprise's ``json://``; ``bodies`` are what it took."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        super().__init__()

    def carry_out(self, asked: Asked) -> tuple[int, Any]:
        self.bodies.append(asked.body)
        return 200, {}
