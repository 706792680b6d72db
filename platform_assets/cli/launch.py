"""`platform-assets launch`: have a running Dagster materialize assets, and wait for what comes of it.

The definitions are loaded by Dagster, not here, so that the command takes as long as its run. It speaks GraphQL with
the webserver, as the UI does.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse
from collections.abc import Mapping
from typing import Any

import click

from platform_assets.feeds import run_tags

ASSETS = """
query($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) {
  assetKey { path } isMaterializable isPartitioned repository { name location { name } } } }
"""
ALL = "{ assetNodes { assetKey { path } } }"
LAUNCH = """
mutation($parameters: ExecutionParams!) { launchPipelineExecution(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message }
  ... on RunConfigValidationInvalid { errors { message } } } }
"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { __typename ... on Run { status } } }"
FAILURES = """
query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events { __typename
  ... on ExecutionStepFailureEvent { stepKey error { message causes { message } } }
  ... on RunFailureEvent { message } } } } }
"""
JOB = "__ASSET_JOB"  # Dagster's own, whose name is not imported: Dagster takes a second
RANGE = "..."
OVER = {"SUCCESS": 0, "FAILURE": 1, "CANCELED": 1}
UNKNOWN = 2
PATIENCE = 60.0
"""Seconds for which a webserver that has the run is asked again: one that is restarted is back by then."""
FIRST_WAIT, LONGEST_WAIT = 0.02, 1.0
"""Seconds between two questions for the run's state: short runs are noticed at once, long ones are asked for rarely."""


@click.command()
@click.argument("assets", nargs=-1, required=True)
@click.option("--partition", help=f"The partition, or a range of them: FIRST{RANGE}LAST.")
@click.option(
    "--url",
    envvar="PLATFORM_DAGSTER_URL",
    default="http://127.0.0.1:3000",
    show_default=True,
    help="Where Dagster's webserver is; the variable PLATFORM_DAGSTER_URL names it too.",
)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Whether to wait for the end of the run.")
def launch(assets: tuple[str, ...], partition: str | None, url: str, wait: bool) -> None:
    """Launch one run of ASSETS, such as raw/orders, in a Dagster that is running, and wait for its end.

    The exit code is 0 if the run has succeeded, 1 if it has failed or was not launched, and 2 if that cannot be told
    because the webserver answers no more (and for wrong options, as with every command). Ctrl-C ends the wait, not the
    run.
    """
    server = Webserver(url)
    parameters = {"runConfigData": {}, "mode": "default", "selector": _selector(server, assets, partition)}
    if partition:
        parameters["executionMetadata"] = {"tags": _partition_tags(partition)}
    try:
        answer = server.ask(LAUNCH, parameters=parameters)
    except NoAnswer as error:
        raise CannotTell(f"whether the run was launched, see {server.url}/runs: {error.message}") from error
    run_id = _launched(answer["launchPipelineExecution"])
    click.echo(f"{', '.join(assets)}: {server.url}/runs/{run_id}")
    if not wait:
        return
    status = _wait(server, run_id)
    click.echo(f"{', '.join(assets)}: {status.lower()}")
    if OVER[status]:
        _report_failures(server, run_id)
        raise SystemExit(OVER[status])


class NoAnswer(click.ClickException):
    """Nobody answers, or somebody who is no Dagster."""


class CannotTell(click.ClickException):
    """What has become of a run is not known."""

    exit_code = UNKNOWN

    def __init__(self, message: str) -> None:
        super().__init__(f"cannot tell: {message}")


class Webserver:
    """Dagster's webserver at ``url``, over one connection."""

    def __init__(self, url: str) -> None:
        try:
            parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
            if "@" in parts.netloc:
                raise click.ClickException(
                    "the address of the webserver has a user or a password, which are not sent: leave them out"
                )
            port = parts.port
        except ValueError:
            parts, port = urllib.parse.urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            shown = "--url" if "@" in url else repr(url)
            raise click.ClickException(f"{shown} is no address of a webserver, such as http://127.0.0.1:3000")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._connection = kind(parts.hostname, port, timeout=60)
        self._path = f"{parts.path.rstrip('/')}/graphql"

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of the answer. Raises NoAnswer if there is none, click.ClickException for an error of Dagster's."""
        body = json.dumps({"query": query, "variables": variables})
        try:
            self._connection.request("POST", self._path, body, {"content-type": "application/json"})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            # the next question is asked on a connection of its own
            self._connection.close()
            why = getattr(error, "strerror", None) or type(error).__name__
            raise NoAnswer(
                f"no Dagster answers at {self.url} ({why}): start it with `make dev` or `dagster dev`, "
                "or name another with --url"
            ) from error
        try:
            reply: dict[str, Any] = json.loads(text)
            if reply.get("errors"):
                raise click.ClickException(f"{self.url}: {reply['errors'][0].get('message', 'an error')}")
            data: dict[str, Any] = dict(reply["data"])
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise NoAnswer(
                f"{self.url} answers, but not as Dagster's webserver does (status {answer.status})"
            ) from error
        return data


def _selector(server: Webserver, assets: tuple[str, ...], partition: str | None) -> Mapping[str, object]:
    keys = {asset: {"path": asset.split("/")} for asset in assets}
    nodes = {"/".join(n["assetKey"]["path"]): n for n in server.ask(ASSETS, keys=list(keys.values()))["assetNodes"]}
    for asset in assets:
        if asset not in nodes:
            raise click.ClickException(_unknown(server, asset))
        if not nodes[asset]["isMaterializable"]:
            raise click.ClickException(f"{asset} is made elsewhere: it cannot be materialized here")
        if nodes[asset]["isPartitioned"] and not partition:
            raise click.ClickException(f"{asset} has partitions: name one with --partition, or FIRST{RANGE}LAST")
    if partition and not any(node["isPartitioned"] for node in nodes.values()):
        raise click.ClickException(f"{', '.join(assets)}: no asset with partitions, leave --partition out")
    places = {(n["repository"]["location"]["name"], n["repository"]["name"]) for n in nodes.values()}
    if len(places) > 1:
        named = ", ".join(sorted(location for location, _ in places))
        raise click.ClickException(f"the assets are in several code locations ({named}): launch a run for each")
    ((location, repository),) = places
    return {
        "repositoryLocationName": location,
        "repositoryName": repository,
        "pipelineName": JOB,
        "assetSelection": list(keys.values()),
    }


def _unknown(server: Webserver, asset: str) -> str:
    from platform_assets.contracts.problems import suggestion

    known = ["/".join(node["assetKey"]["path"]) for node in server.ask(ALL)["assetNodes"]]
    return f"no asset {asset[:80]!r} is loaded at {server.url}{suggestion(asset, known)}; `dg list defs` lists them"


def _partition_tags(partition: str) -> list[dict[str, str]]:
    first, is_range, last = partition.partition(RANGE)
    if not is_range:
        return [{"key": run_tags.PARTITION, "value": partition}]
    if not first or not last:
        raise click.ClickException(f"--partition {partition}: a range is FIRST{RANGE}LAST")
    return [
        {"key": run_tags.RANGE_START, "value": first},
        {"key": run_tags.RANGE_END, "value": last},
    ]


def _launched(answer: Mapping[str, Any]) -> str:
    if answer["__typename"] != "LaunchRunSuccess":
        reasons = [error["message"] for error in answer.get("errors") or ()] or [answer.get("message")]
        raise click.ClickException(f"Dagster refuses the run ({answer['__typename']}): {'; '.join(map(str, reasons))}")
    run_id: str = answer["run"]["runId"]
    return run_id


def _wait(server: Webserver, run_id: str) -> str:
    seconds, lost = FIRST_WAIT, None
    while True:
        try:
            run = server.ask(STATUS, id=run_id)["runOrError"]
        except click.ClickException as error:
            # the run goes on without its webserver
            lost = lost or time.monotonic()
            if time.monotonic() - lost > PATIENCE:
                raise CannotTell(f"what becomes of run {run_id}, which goes on: {error.message}") from error
            time.sleep(LONGEST_WAIT)
            continue
        lost = None
        if run["__typename"] != "Run":
            raise click.ClickException(f"run {run_id} is gone: it was deleted while this waited for it")
        if run["status"] in OVER:
            status: str = run["status"]
            return status
        time.sleep(seconds)
        seconds = min(seconds * 1.1, LONGEST_WAIT)


def _report_failures(server: Webserver, run_id: str) -> None:
    events = server.ask(FAILURES, id=run_id)["logsForRun"].get("events") or ()
    steps = [event for event in events if event["__typename"] == "ExecutionStepFailureEvent"]
    for event in steps:
        error = event["error"] or {"message": "failed, and Dagster has no error of it"}
        reasons = [error, *(error.get("causes") or ())]
        click.echo(f"{event['stepKey']}: {reasons[-1]['message'].strip()}", err=True)
    if not steps:
        for event in events:
            if event["__typename"] == "RunFailureEvent":
                click.echo(event["message"].strip(), err=True)
