"""A server on loopback that hands requests on to another, and now and then fails as object stores do."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = ("500 before", "503 before", "500 after", "cut before", "cut after", "cut in the middle")
"""Of an answer: an error instead of it, or none of it, before or after the request was carried out, or a part of it."""
SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
INTERNAL = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>Try again.</Message></Error>"
NOT_HANDED_ON = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class FaultyServer(ThreadingHTTPServer):
    """``share`` of the requests meet a fault; ``met`` counts them by their names."""

    daemon_threads = True

    def __init__(self, port: int, share: float, seed: int, ignored: frozenset[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.share, self.ignored = port, share, ignored
        self.met: Counter[str] = Counter()
        self._random, self._lock = random.Random(seed), threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fault(self) -> str:
        with self._lock:
            found = self._random.choice(FAULTS) if self._random.random() < self.share else ""
            self.met[found or "none"] += 1
            return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault()
        if fault == "cut before":
            self.close_connection = True
            return
        if fault in ("500 before", "503 before"):
            self._answer(int(fault[:3]), {}, SLOW_DOWN if fault.startswith("503") else INTERNAL)
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        asked = {name: value for name, value in self.headers.items() if name.lower() not in self.server.ignored}
        connection.request(self.command, self.path, body, asked)
        answer = connection.getresponse()
        content = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in NOT_HANDED_ON}
        size = answer.getheader("Content-Length") if self.command == "HEAD" else None
        connection.close()
        if fault == "cut after":
            self.close_connection = True
        elif fault == "500 after":
            self._answer(500, {}, INTERNAL)
        elif fault == "cut in the middle":
            self._answer(answer.status, headers, content, cut=True)
        else:
            self._answer(answer.status, headers, content, size=size)

    def _answer(
        self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False, size: str | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", size or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = cut

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@contextmanager
def faulty_server(
    port: int, *, share: float = 0, seed: int = 7, ignored: frozenset[str] = frozenset()
) -> Iterator[FaultyServer]:
    """A server before the one at ``port``, which does not know of the headers ``ignored``."""
    server = FaultyServer(port, share, seed, ignored)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
