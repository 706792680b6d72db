"""Runs of a project that a webserver serves: launched, looked at and waited for by GraphQL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tests.support.servers import Servers, wait_for

LAUNCH = """
mutation($parameters: ExecutionParams!) { launchPipelineExecution(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } } }
"""
RUN = """
query($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value }
  assetMaterializations { metadataEntries { label ... on TextMetadataEntry { text } ... on IntMetadataEntry { intValue }
    ... on BoolMetadataEntry { boolValue } } }
  eventConnection { events { __typename ... on MessageEvent { message } } } } } }
"""
TERMINATE = """
mutation($id: String!, $policy: TerminateRunPolicy!) {
  terminateRun(runId: $id, terminatePolicy: $policy) { __typename } }
"""
OVER = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass
class ServedProject:
    """A project in ``root``, whose code location is :attr:`location`."""

    root: Path
    servers: Servers
    location: ClassVar[str]

    def launch(self, asset: str, job: str = "__ASSET_JOB", **tags: str) -> str:
        """Launch a run of the asset; its id. A double underscore in the name of a tag is a slash."""
        selector = {
            "repositoryLocationName": self.location,
            "repositoryName": "__repository__",
            "pipelineName": job,
            "assetSelection": [{"path": [asset]}],
        }
        parameters = {"selector": selector, "mode": "default", "runConfigData": {}}
        if tags:
            named = [{"key": key.replace("__", "/"), "value": value} for key, value in tags.items()]
            parameters["executionMetadata"] = {"tags": named}
        data = self.servers.graphql(LAUNCH, parameters=parameters)
        assert data["launchPipelineExecution"]["__typename"] == "LaunchRunSuccess", data
        return str(data["launchPipelineExecution"]["run"]["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.servers.graphql(RUN, id=run_id)["runOrError"])

    def tags(self, run_id: str) -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in self.run(run_id)["tags"]}

    def ended(self, run_id: str) -> dict[str, Any]:
        """The run, once it is over."""
        wait_for("the end of the run", lambda: self.run(run_id)["status"] in OVER)
        return self.run(run_id)

    def terminate(self, run_id: str, *, force: bool = False) -> None:
        policy = "MARK_AS_CANCELED_IMMEDIATELY" if force else "SAFE_TERMINATE"
        answer = self.servers.graphql(TERMINATE, id=run_id, policy=policy)["terminateRun"]["__typename"]
        assert answer == "TerminateRunSuccess", answer


def messages(run: dict[str, Any]) -> str:
    return "\n".join(event.get("message", "") for event in run["eventConnection"]["events"])
