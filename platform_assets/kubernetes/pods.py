"""What the state of a run's pods means: that it cannot start, was killed, or was lost; in the pod's own words.

Functions of what the API server answers, without a call to it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from platform_assets.failures import Kind

OUT_OF_MEMORY = 137
"""The exit code of a process that was killed, by the kernel for its memory or by anybody."""

_CANNOT_START = {
    # reasons of a container that waits: what the kubelet tries again, and nothing but a person mends
    "ErrImagePull": Kind.MISCONFIGURED,
    "ImagePullBackOff": Kind.MISCONFIGURED,
    "InvalidImageName": Kind.MISCONFIGURED,
    "ErrImageNeverPull": Kind.MISCONFIGURED,
    "CreateContainerConfigError": Kind.MISCONFIGURED,
    "CreateContainerError": Kind.MISCONFIGURED,
    "RunContainerError": Kind.MISCONFIGURED,
}
_LOST = {
    # reasons of a pod, and of its condition DisruptionTarget
    "Evicted": "evicted",
    "EvictionByEvictionAPI": "evicted",
    "TerminationByKubelet": "evicted",
    "Preempting": "preempted",
    "PreemptionByScheduler": "preempted",
    "NodeLost": "node_lost",
    "NodeShutdown": "node_lost",
    "Shutdown": "node_lost",
    "Terminated": "node_lost",
    "DeletionByTaintManager": "node_lost",
    "DeletionByPodGC": "node_lost",
}
_OWN_FAULT = ("storage usage exceeds", "exceeded its local ephemeral", "exceeds the limit")
"""What an eviction says of a pod that is beyond its own limits of storage."""
SCALING_UP = ("TriggeredScaleUp", "Nominated")
"""Events of autoscalers on a pod that waits for a node."""


@dataclass(frozen=True)
class Finding:
    """Why a run is over, or does not begin. ``waits`` for one that may begin after all."""

    kind: Kind
    code: str
    message: str
    lost: bool = False
    waits: bool = False


@dataclass(frozen=True)
class Patience:
    """Seconds for a pod to find a node, without an autoscaler at work and with one; for its image; to be made."""

    unschedulable: float = 20.0
    scale_up: float = 600.0
    no_pod: float = 15.0
    image: float = 10.0


def out_of_memory(pod: Any) -> bool:
    """Whether a process of the pod was killed for its memory; of a child of the main process too."""
    return any(state.reason == "OOMKilled" for state in _ends(pod))


def never_began(pods: Sequence[Any], events: Sequence[Any], job_age: float, patience: Patience) -> Finding | None:
    """Why a run that has not begun does not, as far as its job's pods and ``events`` of job and pods say.

    ``job_age`` is in seconds. None while nothing is wrong.
    """
    if not pods:
        failed = [event for event in events if event.reason == "FailedCreate"]
        if failed and job_age >= patience.no_pod:
            return Finding(Kind.MISCONFIGURED, "no_pod", f"no pod could be made: {failed[-1].message}")
        return None
    pod = pods[-1]
    if (lost := was_lost(pod)) is not None:
        return lost
    if (ended := _ended(pod)) is not None:
        return ended
    for state in _waits(pod):
        if state.reason in _CANNOT_START and (job_age >= patience.image or state.reason == "InvalidImageName"):
            said = state.message or _last_warning(events)
            return Finding(_CANNOT_START[state.reason], _snake(state.reason), f"{state.reason}: {said}")
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False" and condition.reason == "Unschedulable":
            scaling = any(event.reason in SCALING_UP for event in events)
            limit = patience.scale_up if scaling else patience.unschedulable
            message = f"no node takes the pod: {condition.message}"
            return Finding(Kind.INFRASTRUCTURE, "unschedulable", message, waits=job_age < limit)
    mounts = [event for event in events if event.reason in ("FailedMount", "FailedAttachVolume")]
    if mounts and job_age >= patience.unschedulable:
        return Finding(Kind.MISCONFIGURED, "failed_mount", f"FailedMount: {mounts[-1].message}")
    return None


def gone_wrong(pods: Sequence[Any]) -> Finding | None:
    """Why a run that has begun is over although it does not say so: what its last pod says. None while one runs."""
    if not pods:
        return Finding(Kind.INFRASTRUCTURE, "pod_gone", "its pod is gone, somebody or something deleted it", lost=True)
    if any(pod.status.phase in ("Pending", "Running") and was_lost(pod) is None for pod in pods):
        return None
    return was_lost(pods[-1]) or _ended(pods[-1])


def was_lost(pod: Any) -> Finding | None:
    """How the cluster took a pod away, through no fault of its own."""
    reasons = [pod.status.reason] if pod.status.reason else []
    texts = {pod.status.reason: pod.status.message}
    for condition in pod.status.conditions or []:
        if condition.type == "DisruptionTarget" and condition.status == "True":
            reasons.append(condition.reason)
            texts[condition.reason] = condition.message
    for reason in reasons:
        # a pod beyond its own limit of storage is evicted, and would be again
        said = texts.get(reason) or ""
        if reason in _LOST and not any(words in said for words in _OWN_FAULT):
            message = f"the pod was {_LOST[reason].replace('_', ' ')}: {said or reason}"
            if _LOST[reason] == "node_lost":
                message = f"the node of the pod was lost: {said or reason}"
            return Finding(Kind.INFRASTRUCTURE, _LOST[reason], message, lost=True)
    return None


def _ended(pod: Any) -> Finding | None:
    """Of a pod that is over: of what."""
    if pod.status.phase not in ("Failed", "Succeeded"):
        return None
    ends = list(_ends(pod))
    if out_of_memory(pod):
        code = next(state.exit_code for state in ends if state.reason == "OOMKilled")
        return Finding(Kind.MEMORY, "out_of_memory", f"out of memory: the pod was OOMKilled, exit code {code}")
    if pod.status.reason == "Evicted":
        return Finding(Kind.MISCONFIGURED, "evicted", f"the pod was evicted: {pod.status.message}")
    if pod.status.reason == "DeadlineExceeded":
        return Finding(Kind.TIMEOUT, "deadline", f"DeadlineExceeded: {pod.status.message}")
    if not ends:
        return Finding(
            Kind.INFRASTRUCTURE, "pod_failed", pod.status.message or "the pod failed and says nothing of why"
        )
    worst = max(ends, key=lambda state: abs(state.exit_code or 0))
    said = f": {worst.message}" if worst.message else ""
    kind = Kind.INFRASTRUCTURE if worst.exit_code in (OUT_OF_MEMORY, 143, 255) else Kind.BUG
    return Finding(kind, "exited", f"its pod ended with exit code {worst.exit_code} ({worst.reason}){said}")


def age(thing: Any, now: dt.datetime) -> float:
    """Seconds since a job or a pod was made, by the API server's clock and ours."""
    return (now - thing.metadata.creation_timestamp).total_seconds()


def _statuses(pod: Any) -> Iterator[Any]:
    for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
        if status.state is not None:
            yield status.state


def _waits(pod: Any) -> Iterator[Any]:
    return (state.waiting for state in _statuses(pod) if state.waiting is not None)


def _ends(pod: Any) -> Iterator[Any]:
    return (state.terminated for state in _statuses(pod) if state.terminated is not None)


def _last_warning(events: Sequence[Any]) -> str:
    warnings = [event.message for event in events if event.type == "Warning" and event.message]
    return warnings[-1] if warnings else "the pod says no more"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
