"""What the API server has to allow, and why: the one list, which manifests, documentation and tests are made from.

A run's pod needs no right at all, except for pods of steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource of a namespace. ``group`` is the API group, empty for the core."""

    group: str
    resource: str
    verb: str
    without: str
    """What does not work where it is not given."""

    def __str__(self) -> str:
        return f"{self.resource}:{self.verb}"


LAUNCHER = (
    Right("batch", "jobs", "create", "no run is launched; each fails as `credentials/forbidden`"),
    Right("batch", "jobs", "list", "the watch decides nothing: a run whose pod is gone goes on for ever"),
    Right("batch", "jobs", "delete", "the pod of a canceled run, and one that cannot start, stay"),
    Right("", "pods", "list", "the watch decides nothing: a run whose pod is gone goes on for ever"),
    Right("", "pods/log", "get", "the reason of a pod that exits lacks the last line of its log"),
    Right("", "events", "list", "a run for which no pod can be made starts until Dagster's time-out"),
)
"""Of the daemon and the webserver."""

STEP_PODS = (
    Right("batch", "jobs", "create", "no step is launched"),
    Right("batch", "jobs/status", "get", "a step whose pod is gone goes on for ever"),
    Right("batch", "jobs", "delete", "the pods of steps outlive a canceled run"),
    Right("", "pods", "get", "the pods of steps have no owner, and outlive the run's"),
    Right("", "pods", "list", "a failed step does not say what its pod says"),
    Right("", "pods", "delete", "the pods of steps outlive a canceled run"),
)
"""Of a run's pod, if `k8s_job_executor` starts a pod for each step."""


def rules(rights: Iterable[Right]) -> list[dict[str, list[str]]]:
    """The rights as `rules` of a Role: one for each resource, in the order of the names."""
    found: dict[tuple[str, str], list[str]] = {}
    for right in sorted(rights):
        found.setdefault((right.group, right.resource), []).append(right.verb)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs} for (group, resource), verbs in found.items()
    ]
