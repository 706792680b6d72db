"""Looks at the pods of the runs that are under way, every few seconds: the reason for which one does not begin, or has
ended, is reported at once, and nothing of a run that is over is left in the cluster.

While the API server does not answer nothing is decided.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from platform_assets.alerts.redaction import redacted
from platform_assets.failures import for_log
from platform_assets.kubernetes.ended_runs import Ended
from platform_assets.kubernetes.killed_children import report_killed_children
from platform_assets.kubernetes.pods import Finding, Patience, age, gone_wrong, never_began
from platform_assets.kubernetes.sizes import Sizes
from platform_assets.logs import logger

log = logger(__name__)

RUN_ID = "dagster/run-id"
_AWAY = (ApiException, HTTPError, OSError)
COMPONENT = "app.kubernetes.io/component"
IMAGE_TAG = "dagster/image"
"""Of a run that dagster-k8s has made a job for."""
FORBIDDEN = 403
UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
CANCELED_SECONDS = 15.0
"""How long after a run was canceled, and no pod of it is left, until that is reported by somebody else than it."""
OVER_SECONDS = 60.0
"""How long a pod may outlive its run, to write logs and the like."""
SHOWN = 300


@dataclass
class Cluster:
    """What belongs to runs in one namespace, by run id, at one moment."""

    jobs: Mapping[str, list[Any]]
    pods: Mapping[str, list[Any]]


@dataclass
class PodWatch:
    """Of one launcher: its API client, its instance and what it knows of sizes."""

    client: Any
    instance: dg.DagsterInstance
    namespace: str
    sizes: Callable[[], Sizes | None]
    patience: Patience
    look_seconds: float
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looking: threading.Lock = field(default_factory=threading.Lock)
    _away: bool = False
    _missing: dict[str, int] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)
    _looked_back_at: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Look every few seconds from now on, in a thread of this process."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="pods", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(self.look_seconds)
            try:
                self.look()
            except Exception as error:
                # the next look begins anew
                log.warning("the pods of runs could not be looked at: %s", for_log(error))

    def look(self, only: str | None = None) -> None:
        """Look once at all runs that are under way, or at one. Runs of other launchers have no job here."""
        # one at a time: what one has reported the next finds reported
        with self._looking:
            self._look(only)

    def _look(self, only: str | None) -> None:
        # runs first: what is not in the cluster after it was in the storage is gone
        runs = self.instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY, run_ids=[only] if only else None))
        if only and not runs:
            return
        try:
            cluster = self._cluster(only)
        except _AWAY as error:
            if not self._away:
                log.warning("%s; nothing is decided meanwhile", _in_words(error))
            self._away = True
            return
        if self._away:
            log.info("the API server answers again")
        self._away = False
        now = dt.datetime.now(dt.UTC)
        for run in runs:
            try:
                self._judge(run, cluster.jobs.get(run.run_id, []), cluster.pods.get(run.run_id, []), now)
            except _AWAY as error:
                log.warning("run %s: %s", run.run_id, _in_words(error))
        if only is None:
            self._sweep(cluster, {run.run_id for run in runs}, now)
            self._look_back(cluster, {run.run_id for run in runs})
            for kept in (self._missing, self._said):
                for run_id in set(kept) - {run.run_id for run in runs}:
                    kept.pop(run_id, None)

    def _cluster(self, only: str | None) -> Cluster:
        selector = f"{RUN_ID}={only}" if only else RUN_ID
        jobs = self.client.batch_api.list_namespaced_job(self.namespace, label_selector=selector, _request_timeout=10)
        pods = self.client.core_api.list_namespaced_pod(self.namespace, label_selector=selector, _request_timeout=10)
        return Cluster(_by_run(jobs.items), _by_run(pods.items))

    def _judge(self, run: dg.DagsterRun, jobs: list[Any], pods: list[Any], now: dt.datetime) -> None:
        workers = [job for job in jobs if _component(job) == "run_worker"]
        own = [pod for pod in pods if _component(pod) == "run_worker"]
        if run.status is dg.DagsterRunStatus.CANCELING:
            self._cancel(run, jobs, pods)
        elif run.status is dg.DagsterRunStatus.STARTING:
            # a job that is not there is about to be made
            if workers:
                finding = never_began(own, self._events(workers[-1], own), age(workers[-1], now), self.patience)
                self._conclude(run, finding, own, jobs)
        elif not workers and not own:
            # of another launcher, or deleted by somebody
            self._missing[run.run_id] = self._missing.get(run.run_id, 0) + 1
            if self._missing[run.run_id] > 1 and self._was_here(run):
                self._conclude(run, gone_wrong([]), own, jobs)
        else:
            self._conclude(run, gone_wrong(own) if own else None, own, jobs)

    def _conclude(self, run: dg.DagsterRun, finding: Finding | None, pods: list[Any], jobs: list[Any]) -> None:
        if finding is None:
            return
        if finding.waits:
            if self._said.get(run.run_id) != finding.message:
                self._said[run.run_id] = finding.message
                self.instance.report_engine_event(f"Waiting: {finding.message}", run)
            return
        now = self.instance.get_run_by_id(run.run_id)
        if now is None or now.status is not run.status:
            return  # it has ended by itself, or begun
        if finding.code == "exited" and pods:
            finding = Finding(finding.kind, finding.code, f"{finding.message}{self._last_words(pods[-1])}")
        message = Ended(self.instance, self.sizes(), now, finding).report()
        log.warning("run %s: %s", run.run_id, message)
        self._delete(jobs)

    def _cancel(self, run: dg.DagsterRun, jobs: list[Any], pods: list[Any]) -> None:
        """See to it that nothing of a run that is to be canceled is left, and that it ends."""
        if jobs:
            self._delete(jobs)
        if pods or not self._was_here(run):
            return
        record = self.instance.get_run_record_by_id(run.run_id)
        if record is not None and time.time() - record.update_timestamp.timestamp() > CANCELED_SECONDS:
            self.instance.report_run_canceled(record.dagster_run, "Its pod is gone.")

    def _sweep(self, cluster: Cluster, under_way: set[str], now: dt.datetime) -> None:
        """Delete what still runs for runs that are over."""
        for run_id, jobs in cluster.jobs.items():
            active = [job for job in jobs if job.status.active]
            if not active or run_id in under_way:
                continue
            record = self.instance.get_run_record_by_id(run_id)
            # none: a job of another instance in the same namespace
            if record is not None and record.dagster_run.is_finished:
                late = now.timestamp() - (record.end_time or record.update_timestamp.timestamp())
                # Dagster marks a run that starts as canceled without asking its launcher
                canceled = record.dagster_run.status is dg.DagsterRunStatus.CANCELED
                if late > (self.look_seconds if canceled else OVER_SECONDS):
                    log.warning("run %s is over, and its pod is deleted", run_id)
                    self._delete(active)

    def _look_back(self, cluster: Cluster, under_way: set[str]) -> None:
        """At the pods of runs that have failed by themselves."""
        self._looked_back_at &= cluster.pods.keys()
        pods = {
            run_id: [pod for pod in found if _component(pod) == "run_worker"]
            for run_id, found in cluster.pods.items()
            if run_id not in under_way
        }
        for run_id, message in report_killed_children(self.instance, self.sizes, pods, self._looked_back_at):
            log.warning("run %s: %s", run_id, message)

    def _delete(self, jobs: Iterable[Any]) -> None:
        for job in jobs:
            try:
                self.client.batch_api.delete_namespaced_job(
                    job.metadata.name, self.namespace, propagation_policy="Background", _request_timeout=10
                )
            except ApiException as error:
                if error.status != 404:
                    raise

    def _was_here(self, run: dg.DagsterRun) -> bool:
        return IMAGE_TAG in run.tags

    def _events(self, job: Any, pods: list[Any]) -> list[Any]:
        names = {job.metadata.name, *(pod.metadata.name for pod in pods)}
        found: list[Any] = []
        for name in sorted(names):
            try:
                answer = self.client.core_api.list_namespaced_event(
                    self.namespace, field_selector=f"involvedObject.name={name}", _request_timeout=10
                )
            except ApiException as error:
                if error.status != FORBIDDEN:
                    raise
                # what the pod itself says is worth reporting
                log.warning("%s", _in_words(error))
                return []
            found += answer.items
        return sorted(found, key=lambda event: event.last_timestamp or event.metadata.creation_timestamp)

    def _last_words(self, pod: Any) -> str:
        """The last line of the pod's log, without what looks like a secret."""
        try:
            # the client gives bytes as the text of a literal
            answer = self.client.core_api.read_namespaced_pod_log(
                pod.metadata.name, self.namespace, tail_lines=5, _request_timeout=10, _preload_content=False
            )
        except (ApiException, HTTPError):
            return ""
        text = answer.data.decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return f". Its log ends with: {redacted(lines[-1])[:SHOWN]}" if lines else ""


def _by_run(things: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for thing in sorted(things, key=lambda each: each.metadata.creation_timestamp):
        found[thing.metadata.labels[RUN_ID]].append(thing)
    return found


def _component(thing: Any) -> str:
    return str((thing.metadata.labels or {}).get(COMPONENT, ""))


def _in_words(error: Exception) -> str:
    if not isinstance(error, ApiException):
        return f"the API server does not answer: {type(error).__name__}"
    if error.status == FORBIDDEN:
        with suppress(ValueError, TypeError):
            # it names the verb and the resource
            return f"the API server refuses: {json.loads(error.body)['message']}"
    return f"the API server answers {error.status} {error.reason}"
