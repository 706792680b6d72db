"""`platform-assets launch`: runs of a Dagster that is there, and plain words when it is not."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result

from platform_assets.cli import launch as room
from platform_assets.cli.launch import launch
from tests.support.servers import free_port


def command(*arguments: str) -> Result:
    return CliRunner().invoke(launch, arguments)


def test_without_a_dagster_it_says_how_to_start_one() -> None:
    result = command("about", "--url", f"http://127.0.0.1:{free_port()}")
    assert result.exit_code == 1
    assert "no Dagster answers at http://127.0.0.1:" in result.output
    assert "`make dev`" in result.output


@pytest.mark.parametrize(
    "url", ["", "ftp://somewhere", "http://", "http://localhost:30x", "http://localhost:70000", "http://[::1"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    result = command("about", "--url", url)
    assert result.exit_code == 1
    assert "is no address of a webserver" in result.output


@pytest.mark.parametrize("rest", ["localhost:3000", "localhost:30x", "[::1"])
def test_an_address_with_a_password_is_refused_and_not_shown(rest: str) -> None:
    for scheme in ("http", "ftp"):
        result = command("about", "--url", f"{scheme}://me:secret@{rest}")
        assert result.exit_code == 1
        assert "user or a password" in result.output or rest == "[::1"
        assert "secret" not in result.output


@contextmanager
def another_server(status: int, answer: str | Callable[[str], str]) -> Iterator[str]:
    """One that gives this answer to every question, or what ``answer`` makes of it; none if that raises."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"])).decode()
            try:
                text = answer if isinstance(answer, str) else answer(json.loads(asked)["query"])
            except ConnectionError:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "text"),
    [(404, "not found"), (200, "<html>"), (200, "[]"), (200, "null"), (502, "{}")]
    + [(200, text) for text in ('{"data": null}', '{"errors": [null]}', '{"errors": 7}', '{"data": 7}')],
)
def test_a_server_that_is_no_dagster_is_named(status: int, text: str) -> None:
    with another_server(status, text) as url:
        result = command("about", "--url", url)
    assert result.exit_code == 1
    assert f"{url} answers, but not as Dagster's webserver does (status {status})" in result.output


def test_an_error_of_the_server_is_shown() -> None:
    with another_server(200, '{"errors": [{"message": "read-only mode"}]}') as url:
        assert "read-only mode" in command("about", "--url", url).output


class Dagster:
    """Answers as the webserver does for one asset whose run goes through ``states``; LOST is no answer."""

    def __init__(self, *states: str, launched: str = "LaunchRunSuccess") -> None:
        self.states, self.launched = list(states), launched
        self.asked = 0

    def __call__(self, query: str) -> str:
        return json.dumps({"data": self._data(query)})

    def _data(self, query: str) -> dict[str, Any]:
        if query == room.ASSETS:
            place = {"name": "__repository__", "location": {"name": "shop"}}
            node = {"assetKey": {"path": ["about"]}, "isMaterializable": True, "isPartitioned": False}
            return {"assetNodes": [node | {"repository": place}]}
        if query == room.LAUNCH:
            if self.launched == "LOST":
                raise ConnectionError
            return {"launchPipelineExecution": {"__typename": self.launched, "run": {"runId": "7"}}}
        if query == room.FAILURES:
            step = {"__typename": "ExecutionStepFailureEvent", "stepKey": "about", "error": None}
            return {"logsForRun": {"events": [step]}}
        self.asked += 1
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state == "LOST":
            raise ConnectionError
        return {"runOrError": {"__typename": "Run", "status": state}}


@pytest.fixture(name="quick")
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LONGEST_WAIT", 0.01)


@pytest.mark.usefixtures("quick")
def test_a_webserver_that_is_restarted_is_asked_again() -> None:
    dagster = Dagster("STARTED", "LOST", "LOST", "STARTED", "LOST", "SUCCESS")
    with another_server(200, dagster) as url:
        result = command("about", "--url", url)
    assert result.exit_code == 0, result.output
    assert dagster.asked == 6


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_one_that_stays_away_leaves_the_end_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.2)
    dagster = Dagster("STARTED", "LOST")
    with another_server(200, dagster) as url:
        result = command("about", "--url", url)
    assert result.exit_code == 2
    assert "cannot tell: what becomes of run 7, which goes on: no Dagster answers at" in result.output
    assert dagster.asked > 3


def test_one_that_is_lost_while_it_launches_leaves_that_unknown() -> None:
    with another_server(200, Dagster("STARTED", launched="LOST")) as url:
        result = command("about", "--url", url)
    assert result.exit_code == 2
    assert f"cannot tell: whether the run was launched, see {url}/runs" in result.output


def test_a_failure_without_an_error_is_said() -> None:
    with another_server(200, Dagster("FAILURE")) as url:
        result = command("about", "--url", url)
    assert result.exit_code == 1
    assert "about: failed, and Dagster has no error of it" in result.output
