"""The controller of jobs: a pod for each, its status, and what becomes of both when one is deleted."""

from __future__ import annotations

import copy
import threading
import time

from tests.kubernetes.cluster.kubelet import TICK
from tests.kubernetes.cluster.store import Object, Refused, Store, now


class JobController(threading.Thread):
    """One look at all jobs every 50 ms."""

    def __init__(self, store: Store) -> None:
        super().__init__(daemon=True)
        self.store = store

    def run(self) -> None:
        while True:
            with self.store.lock:
                for namespace in self.store.namespaces("jobs"):
                    for job in self.store.list("jobs", namespace):
                        self._look(job)
            time.sleep(TICK)

    def _look(self, job: Object) -> None:
        pods = self._pods(job)
        if not pods and not job["status"].get("conditions"):
            self._make_pod(job)
            return
        phases = [pod["status"]["phase"] for pod in pods]
        status: Object = {"startTime": job["status"].get("startTime") or now()}
        active, failed = sum(phase in ("Pending", "Running") for phase in phases), phases.count("Failed")
        status |= {"active": active} if active else {}
        status |= {"failed": failed} if failed else {}
        status |= {"succeeded": phases.count("Succeeded")} if "Succeeded" in phases else {}
        if not active and pods:
            kind = "Failed" if failed else "Complete"
            status["conditions"] = [{"type": kind, "status": "True", "lastTransitionTime": now()}]
        if not pods:
            status |= {key: job["status"][key] for key in ("conditions", "failed", "succeeded") if key in job["status"]}
        if {**status, "conditions": 0} != {**job["status"], "conditions": 0}:
            job["status"] = status
            self.store.touched(job)

    def _make_pod(self, job: Object) -> None:
        meta, template = job["metadata"], copy.deepcopy(job["spec"]["template"])
        account = template["spec"].get("serviceAccountName") or "default"
        if not self.store.has("serviceaccounts", meta["namespace"], account):
            message = (
                f'Error creating: pods "{meta["name"]}-" is forbidden: error looking up service account '
                f'{meta["namespace"]}/{account}: serviceaccount "{account}" not found'
            )
            self.store.event(job, "Job", "FailedCreate", message)
            return
        of_template = template.get("metadata") or {}
        labels = {
            **(of_template.get("labels") or {}),
            "job-name": meta["name"],
            "batch.kubernetes.io/job-name": meta["name"],
        }
        owner = {
            "apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True,
            "blockOwnerDeletion": True,
        }  # fmt: skip
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": f"{meta['name']}-", "labels": labels, "ownerReferences": [owner]},
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        self.store.create("pods", meta["namespace"], pod)

    def _pods(self, job: Object) -> list[Object]:
        every = self.store.list("pods", job["metadata"]["namespace"])
        return [
            pod
            for pod in every
            if any(owner["uid"] == job["metadata"]["uid"] for owner in pod["metadata"].get("ownerReferences", []))
        ]

    def delete(self, namespace: str, name: str, policy: str) -> Object:
        """Without a policy the pods of a job stay, as with batch/v1."""
        with self.store.lock:
            job = self.store.get("jobs", namespace, name)
            for pod in self._pods(job):
                if policy in ("Background", "Foreground"):
                    pod["metadata"].setdefault("deletionTimestamp", now())
                else:
                    pod["metadata"]["ownerReferences"] = []
            self.store.remove("jobs", namespace, name)
            return job


def refuse_unknown(body: Object) -> None:
    """Raise ``Refused`` for a job that this double would not treat as the real one does."""
    spec = body["spec"]
    if spec.get("backoffLimit", 6) != 0 or spec.get("parallelism", 1) != 1:
        raise Refused(422, "Invalid", "this double makes one pod for a job: backoffLimit must be 0, parallelism 1")
