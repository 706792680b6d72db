"""The node: starts the processes of pods, kills those above their limit of memory, and says what became of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from kubernetes.utils import parse_quantity

from tests.kubernetes.cluster.store import Object, Store, now

TICK = 0.05
DISRUPTIONS = {
    # the pod's reason, that of its condition, and the message
    "evict": ("Evicted", "TerminationByKubelet", "The node was low on resource: memory."),
    "preempt": (None, "PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod"),
    "node_lost": (None, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
}


@dataclass
class Faults:
    """What does not work in this cluster; a test changes it."""

    images: list[str] = field(default_factory=lambda: ["platform:test"])
    allocatable: str = "64Gi"
    slow_start: float = 0.0


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    limit: float
    log: Path
    killed_for_memory: bool = False
    term_at: float | None = None


class Kubelet(threading.Thread):
    """One look at all pods every 50 ms."""

    def __init__(self, store: Store, logs: Path) -> None:
        super().__init__(daemon=True)
        self.store, self.logs, self.faults = store, logs, Faults()
        self.running: dict[str, _Running] = {}
        self._pending_since: dict[str, float] = {}

    def run(self) -> None:
        while True:
            with self.store.lock:
                for namespace in self.store.namespaces("pods"):
                    for pod in self.store.list("pods", namespace):
                        self._look(pod)
            time.sleep(TICK)

    def _look(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self.running:
            self._look_at_process(pod, self.running[uid])
        elif "deletionTimestamp" in pod["metadata"]:
            self._gone(pod)
        elif pod["status"]["phase"] == "Pending":
            self._start(pod)

    def _start(self, pod: Object) -> None:
        container = pod["spec"]["containers"][0]
        requests = (container.get("resources") or {}).get("requests") or {}
        if parse_quantity(requests.get("memory", "0")) > parse_quantity(self.faults.allocatable):
            message = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available."
            self._condition(pod, "PodScheduled", "False", "Unschedulable", message)
            self.store.event(pod, "Pod", "FailedScheduling", message)
            return
        self._condition(pod, "PodScheduled", "True")
        pod["spec"]["nodeName"] = "node-1"
        if container["image"] not in self.faults.images:
            self._waits(pod, "ErrImagePull", f'failed to pull and unpack image "{container["image"]}": not found')
            self.store.event(pod, "Pod", "Failed", f'Failed to pull image "{container["image"]}": not found')
            return
        if missing := self._missing(pod, container):
            self._waits(pod, "CreateContainerConfigError", missing)
            self.store.event(pod, "Pod", "Failed", f"Error: {missing}")
            return
        since = self._pending_since.setdefault(pod["metadata"]["uid"], time.monotonic())
        if time.monotonic() - since < self.faults.slow_start:
            self._waits(pod, "ContainerCreating", None)
            return
        self._begin(pod, container)

    def _missing(self, pod: Object, container: Object) -> str:
        namespace = pod["metadata"]["namespace"]
        for source in container.get("envFrom") or []:
            for key, resource, kind in (
                ("secretRef", "secrets", "secret"),
                ("configMapRef", "configmaps", "configmap"),
            ):
                if key in source and not self.store.has(resource, namespace, source[key]["name"]):
                    return f'{kind} "{source[key]["name"]}" not found'
        return ""

    def _begin(self, pod: Object, container: Object) -> None:
        meta = pod["metadata"]
        log = self.logs / f"{meta['name']}.log"
        command = [*(container.get("command") or []), *(container.get("args") or [])]
        limits = (container.get("resources") or {}).get("limits") or {}
        environment = self._environment(meta["namespace"], container)
        with log.open("ab") as output:
            try:
                process = subprocess.Popen(
                    command, env=environment, stdout=output, stderr=output, start_new_session=True
                )
            except OSError as error:
                message = f"failed to create containerd task: exec: {command[0]!r}: {error.strerror}"
                ended = {"exitCode": 128, "reason": "StartError", "message": message, "finishedAt": now()}
                self._container(pod, {"terminated": ended})
                pod["status"]["phase"] = "Failed"
                return
        limit = float(parse_quantity(limits["memory"])) if "memory" in limits else float("inf")
        self.running[meta["uid"]] = _Running(process, limit, log)
        pod["status"] |= {"phase": "Running", "startTime": now()}
        self._container(pod, {"running": {"startedAt": now()}})

    def _environment(self, namespace: str, container: Object) -> dict[str, str]:
        found = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        # what an image has on its path
        found["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
        for source in container.get("envFrom") or []:
            if "secretRef" in source:
                found |= self.store.get("secrets", namespace, source["secretRef"]["name"]).get("stringData") or {}
        for variable in container.get("env") or []:
            found[variable["name"]] = self._value(namespace, variable, found)
        return found

    def _value(self, namespace: str, variable: Object, found: dict[str, str]) -> str:
        reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
        if reference:
            secret = self.store.get("secrets", namespace, reference["name"])
            return str((secret.get("stringData") or {}).get(reference["key"], ""))
        return re.sub(r"\$\((\w+)\)", lambda name: found.get(name[1], name[0]), str(variable.get("value") or ""))

    def _look_at_process(self, pod: Object, running: _Running) -> None:
        code = running.process.poll()
        if code is None:
            if "deletionTimestamp" in pod["metadata"]:
                self._terminate(pod, running)
            else:
                self._enforce(running)
            return
        with suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        del self.running[pod["metadata"]["uid"]]
        self._ended(pod, running, 128 - code if code < 0 else code)

    def _ended(self, pod: Object, running: _Running, code: int) -> None:
        reason = "OOMKilled" if running.killed_for_memory else ("Completed" if code == 0 else "Error")
        self._container(pod, {"terminated": {"exitCode": code, "reason": reason, "finishedAt": now()}})
        pod["status"]["phase"] = "Succeeded" if code == 0 else "Failed"
        if "deletionTimestamp" in pod["metadata"]:
            self._gone(pod)

    def _gone(self, pod: Object) -> None:
        self.store.remove("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _terminate(self, pod: Object, running: _Running) -> None:
        if running.term_at is None:
            running.term_at = time.monotonic()
            running.process.terminate()
        elif time.monotonic() - running.term_at > (pod["spec"].get("terminationGracePeriodSeconds") or 30):
            os.killpg(running.process.pid, signal.SIGKILL)

    def _enforce(self, running: _Running) -> None:
        with suppress(psutil.Error):
            main = psutil.Process(running.process.pid)
            every = [main, *main.children(recursive=True)]
            sizes = {process.pid: process.memory_info().rss for process in every if process.is_running()}
            if sum(sizes.values()) > running.limit:
                running.killed_for_memory = True
                os.kill(max(sizes, key=lambda pid: sizes[pid]), signal.SIGKILL)

    def disrupt(self, namespace: str, name: str, how: str) -> None:
        """Take a pod away as the cluster does: `evict`, `preempt` or `node_lost`."""
        reason, of_condition, message = DISRUPTIONS[how]
        with self.store.lock:
            pod = self.store.get("pods", namespace, name)
            running = self.running.pop(pod["metadata"]["uid"], None)
            if running is not None:
                os.killpg(running.process.pid, signal.SIGKILL)
                running.process.wait()
            self._condition(pod, "DisruptionTarget", "True", of_condition, message)
            pod["status"] |= {"phase": "Failed", "message": message, **({"reason": reason} if reason else {})}
            self._container(pod, {"terminated": {"exitCode": 137, "reason": "Error", "finishedAt": now()}})

    def _waits(self, pod: Object, reason: str, message: str | None) -> None:
        self._container(pod, {"waiting": {"reason": reason, **({"message": message} if message else {})}})

    def _container(self, pod: Object, state: Object) -> None:
        container = pod["spec"]["containers"][0]
        status = {
            "name": container["name"], "image": container["image"], "imageID": "", "ready": "running" in state,
            "restartCount": 0, "state": state,
        }  # fmt: skip
        pod["status"]["containerStatuses"] = [status]
        self.store.touched(pod)

    def _condition(self, pod: Object, kind: str, status: str, reason: str | None = None, message: str = "") -> None:
        kept = [each for each in pod["status"].get("conditions", []) if each["type"] != kind]
        condition: dict[str, Any] = {"type": kind, "status": status, "lastTransitionTime": now()}
        if reason:
            condition |= {"reason": reason, "message": message}
        pod["status"]["conditions"] = [*kept, condition]

    def stop(self) -> None:
        """End every process."""
        with self.store.lock:
            for running in self.running.values():
                with suppress(ProcessLookupError):
                    os.killpg(running.process.pid, signal.SIGKILL)
