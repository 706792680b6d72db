"""`K8sRunLauncher` with sizes, a watch over its pods, and patience with the API server. In dagster.yaml:

    run_launcher:
      module: platform_assets.kubernetes.launcher
      class: PlatformK8sRunLauncher
      config:
        sizes: /etc/dagster/sizes.yaml        # the rest is that of dagster_k8s.K8sRunLauncher
        instance_config_map: dagster-instance
        ...

A pod that cannot start, runs out of memory or is taken away by the cluster ends its run within seconds, with the pod's
own reason; see `platform_assets.kubernetes.watch`.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster_k8s import K8sRunLauncher
from dagster_k8s.client import DagsterK8sAPIRetryLimitExceeded, DagsterK8sUnrecoverableAPIError
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import UserDefinedDagsterK8sConfig, get_user_defined_k8s_config
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from platform_assets.failures import Kind
from platform_assets.feeds import run_tags
from platform_assets.kubernetes.learned_sizes import learned
from platform_assets.kubernetes.pods import Patience, out_of_memory
from platform_assets.kubernetes.sizes import Size, Sizes, read_sizes
from platform_assets.kubernetes.watch import FORBIDDEN, RUN_ID, PodWatch
from platform_assets.launching._compat import CheckRunHealthResult, LaunchRunContext, ResumeRunContext, WorkerStatus
from platform_assets.logs import logger

log = logger(__name__)

TEAM = "platform/team"
"""Of a run in a pod: the owners of its assets, by which it is scheduled."""
CONFLICT = 409

_AWAY = (HTTPError, DagsterK8sAPIRetryLimitExceeded)


class PlatformK8sRunLauncher(K8sRunLauncher):
    """Starts each run as a job of Kubernetes, in a pod of its size."""

    def __init__(
        self,
        inst_data: Any = None,
        *,
        sizes: str | None = None,
        look_seconds: float = 5.0,
        api_wait_seconds: float = 120.0,
        patience: Mapping[str, float] | None = None,
        **config: Any,
    ) -> None:
        super().__init__(inst_data=inst_data, **config)
        self._sizes_file = Path(sizes) if sizes else None
        self._api_wait_seconds = api_wait_seconds
        self._patience, self._look_seconds = Patience(**(patience or {})), look_seconds
        self._watch: PodWatch | None = None
        self._one_watch = threading.Lock()
        if self._sizes_file is not None:
            read_sizes(self._sizes_file)

    @classmethod
    def config_type(cls) -> Any:
        patience = {
            field.name: dg.Field(float, is_required=False, default_value=field.default)
            for field in dataclasses.fields(Patience)
        }
        return {
            **K8sRunLauncher.config_type(),
            "sizes": dg.Field(dg.StringSource, is_required=False, description="The YAML file of size classes."),
            "look_seconds": dg.Field(
                float, is_required=False, default_value=5.0, description="Between two looks at the pods."
            ),
            "api_wait_seconds": dg.Field(
                float, is_required=False, default_value=120.0, description="How long a launch waits for the API server."
            ),
            "patience": dg.Field(
                patience, is_required=False, description="Seconds for a pod to find a node, an autoscaler, an image."
            ),
        }

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data, **config_value)

    @property
    def watch(self) -> PodWatch:
        """The watch over this launcher's pods: one, whichever threads ask for it first."""
        with self._one_watch:
            if self._watch is None:
                self._watch = PodWatch(
                    *(self._api_client, self._instance, self.job_namespace, self._sizes, self._patience),
                    look_seconds=self._look_seconds,
                )
            return self._watch

    def start_watching(self) -> None:
        """Look at the pods from now on, in a thread of this process: of the daemon that acts."""
        self.watch.start()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Make the run's job. Waits for an API server that is away, and finds the job that it made all the same."""
        self.start_watching()
        run = context.dagster_run
        # a run that goes on from another has its tags
        tags = {run_tags.ENDED: ""} if run.tags.get(run_tags.ENDED) else {}
        self._instance.add_run_tags(run.run_id, {**tags, **self._scheduled(run, context.workspace)})
        stored = self._instance.get_run_by_id(run.run_id) or run
        self._patiently(
            stored, lambda: super(PlatformK8sRunLauncher, self).launch_run(context._replace(dagster_run=stored))
        )

    def resume_run(self, context: ResumeRunContext) -> None:
        """As :meth:`launch_run`, for a run whose worker is gone."""
        self._patiently(context.dagster_run, lambda: super(PlatformK8sRunLauncher, self).resume_run(context))

    def _patiently(self, run: dg.DagsterRun, launch: Callable[[], None]) -> None:
        deadline = time.monotonic() + self._api_wait_seconds
        while True:
            try:
                launch()
            except DagsterK8sUnrecoverableAPIError as error:
                status = getattr(error.k8s_api_exception, "status", None)
                if status == CONFLICT:
                    return  # it was made by a call whose answer was lost
                if status == FORBIDDEN:
                    ended = f"{Kind.CREDENTIALS.value}/forbidden"
                    self._instance.add_run_tags(run.run_id, {run_tags.ENDED: ended})
                raise
            except _AWAY as error:
                if time.monotonic() >= deadline:
                    raise
                log.warning("run %s: the API server does not answer: %s", run.run_id, type(error).__name__)
                time.sleep(1.0)
            else:
                return

    def _sizes(self) -> Sizes | None:
        return read_sizes(self._sizes_file) if self._sizes_file is not None else None

    def _scheduled(self, run: dg.DagsterRun, workspace: Any) -> dict[str, str]:
        """The tags of size and team: of the largest of the run's assets, and of what they have needed before."""
        sizes = self._sizes()
        if sizes is None:
            return {}
        names, owners = {run.tags.get(run_tags.SIZE, "")}, set[str]()
        keys = [*(run.asset_selection or ())]
        for key in keys:
            node = _node(workspace, key)
            if node is not None:
                names.add(str(node.tags.get(run_tags.SIZE, "")))
                owners.update(node.owners or ())
        names |= learned(self._instance, [key.to_user_string() for key in keys], time.time())
        size = sizes.of([name for name in names if name])
        needed = self._after_parent(run, sizes)
        if needed is not None and needed.bytes > size.bytes:
            size = needed
        teams = sorted(owner for owner in owners if owner.removeprefix("team:") in sizes.teams)
        return {run_tags.SIZE: size.name, **({TEAM: ",".join(teams)} if teams else {})}

    def _after_parent(self, run: dg.DagsterRun, sizes: Sizes) -> Size | None:
        """The size after that of the run that this one goes on from, if that was out of memory."""
        parent = self._instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
        size = sizes.sizes.get(parent.tags.get(run_tags.SIZE, "")) if parent is not None else None
        if parent is None or size is None:
            return None
        died = parent.tags.get(run_tags.ENDED, "").startswith(Kind.MEMORY.value)
        return sizes.next(size) if died or self._was_out_of_memory(parent.run_id) else None

    def _was_out_of_memory(self, run_id: str) -> bool:
        """Whether a process of one of the run's pods was killed for its memory, whatever the run says of itself."""
        try:
            pods = self._api_client.core_api.list_namespaced_pod(
                self.job_namespace, label_selector=f"{RUN_ID}={run_id}", _request_timeout=10
            ).items
        except (ApiException, HTTPError) as error:
            log.warning("the pods of run %s are not known: %s", run_id, type(error).__name__)
            return False
        return any(map(out_of_memory, pods))

    def get_container_context_for_run(self, dagster_run: dg.DagsterRun) -> K8sContainerContext:
        """What the run's pod has: of the launcher, then of its size and team, then of its code location and tags."""
        sizes = self._sizes()
        size = sizes.sizes.get(dagster_run.tags.get(run_tags.SIZE, "")) if sizes is not None else None
        if sizes is None or size is None:
            return super().get_container_context_for_run(dagster_run)
        owners = [owner for owner in dagster_run.tags.get(TEAM, "").split(",") if owner]
        context = K8sContainerContext.create_for_run(dagster_run, self, include_run_tags=False)
        of_size = UserDefinedDagsterK8sConfig.from_dict(sizes.config(size, owners))
        context = context.merge(K8sContainerContext(run_k8s_config=of_size))
        own = K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(dagster_run.tags))
        return context.merge(
            own.validate_user_k8s_config_for_run(
                self.only_allow_user_defined_k8s_config_fields, self.only_allow_user_defined_env_vars
            )
        )

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Let the watch look at the run; it reports what is wrong itself, with the tags that decide what follows.

        So Dagster's run monitoring is answered that the run goes on, also while the API server is away: it would fail a
        run of which nothing is known, although its pod works.
        """
        self.start_watching()
        self.watch.look(run.run_id)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def terminate(self, run_id: str) -> bool:
        """Delete the run's jobs, its steps' too; the daemon's watch sees to what is left."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        self.watch.look(run_id)
        return True


def _node(workspace: Any, key: dg.AssetKey) -> Any:
    graph = getattr(workspace, "asset_graph", None)
    return graph.get(key) if graph is not None and graph.has(key) else None
