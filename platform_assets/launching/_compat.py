"""What starting runs needs of Dagster that Dagster does not call public; tests/test_compat.py fails when one moves."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DefaultRunLauncher
from dagster._core.definitions.events import Failure, RetryRequested
from dagster._core.definitions.reconstruct import reconstruct_repository_def_from_pointer
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import StepExecutionContext
from dagster._core.execution.plan import execute_plan
from dagster._core.execution.plan.objects import StepFailureData, UserFailureData
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, ResumeRunContext, WorkerStatus
from dagster._core.origin import RepositoryPythonOrigin
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.error import SerializableErrorInfo
from dagster._utils.interrupts import capture_interrupts

from platform_assets.launching.worker_process import is_this_machine

__all__ = [
    "CheckRunHealthResult",
    "DefaultRunLauncher",
    "LaunchRunContext",
    "Moment",
    "QueuedRunCoordinator",
    "ResumeRunContext",
    "Served",
    "StepExecutionContext",
    "SubmitRunContext",
    "WorkerStatus",
    "around_steps",
    "assets_of_step",
    "end_run",
    "execute_run",
    "home_of",
    "hook_sensor_daemon",
    "instance_of",
    "load_repository",
    "one_look_at_the_queue",
    "origin_of_code",
    "python_of",
    "replace_queue_loop",
    "retried_by_policy",
    "store_failure",
    "served_locations",
    "serialized_ref",
    "server_of",
    "variables_of",
]


def serialized_ref(instance: dg.DagsterInstance) -> str:
    """What another process needs to open the same instance."""
    return serialize_value(instance.get_ref())


@contextmanager
def instance_of(ref: str) -> Iterator[dg.DagsterInstance]:
    """The instance that :func:`serialized_ref` described."""
    with dg.DagsterInstance.from_ref(deserialize_value(ref, InstanceRef)) as instance:
        yield instance


def origin_of_code(run: dg.DagsterRun) -> str:
    """Where the definitions of a run are loaded from, as text; empty if the run does not say it."""
    return serialize_value(run.job_code_origin.repository_origin) if run.job_code_origin is not None else ""


def python_of(run: dg.DagsterRun) -> str:
    """The interpreter that the definitions of a run are loaded with; empty if the run does not say it."""
    return run.job_code_origin.repository_origin.executable_path if run.job_code_origin is not None else ""


def server_of(context: LaunchRunContext) -> tuple[str, str]:
    """The id of the code server that the run was made by, which is another after each reload, and its location's name.

    The id is empty for a code location that no code server of this machine serves.
    """
    origin = context.dagster_run.remote_job_origin
    if origin is None or context.workspace is None:
        return "", ""
    place = origin.repository_origin.code_location_origin
    return _server_id(place, context.workspace.get_code_location(place.location_name)), place.location_name


def _server_id(origin: Any, code_location: Any) -> str:
    """The id of a code location's server; empty for one of another machine, whose code need not be that of this one."""
    is_here = not hasattr(origin, "host") or origin.socket is not None or is_this_machine(origin.host)
    return getattr(code_location, "_server_id", None) or "" if is_here else ""


@dataclass(frozen=True)
class Served:
    """A code location that a code server of this deployment serves; ``server`` is another id after each reload.

    ``origin`` is what :func:`origin_of_code` gives for its runs, ``python`` the interpreter that loads it.
    """

    name: str
    server: str
    origin: str
    python: str


def served_locations(workspace: Any) -> list[Served]:
    """The code locations of a daemon's workspace that are loaded now."""
    found = []
    for name, entry in workspace.create_request_context().get_code_location_entries().items():
        if server := _server_id(entry.origin, entry.code_location):
            for repository in entry.code_location.get_repositories().values():
                origin = repository.get_python_origin()
                found.append(Served(name, server, serialize_value(origin), origin.executable_path or ""))
    return found


def variables_of(instance: dg.DagsterInstance, location: str) -> dict[str, str]:
    """The environment variables that the instance adds for a code location, such as those of its `.env`."""
    loader = instance._secrets_loader
    return dict(loader.get_secrets_for_environment(location)) if loader is not None else {}


def load_repository(origin: str) -> Path:
    """Load the definitions that :func:`origin_of_code` gave and keep them for whoever loads them again in this process.

    The folder that names in the origin are relative to.
    """
    pointer = deserialize_value(origin, RepositoryPythonOrigin).code_pointer
    repository = reconstruct_repository_def_from_pointer(pointer)
    kind: Any = type(pointer)
    load_target = kind.load_target
    kind.load_target = lambda asked: repository if asked == pointer else load_target(asked)
    return Path(getattr(pointer, "working_directory", None) or Path.cwd())


def execute_run(run_id: str, ref: str) -> str:
    """Execute a run as `dagster api execute_run` does, and give the instance's folder.

    What goes wrong is in the run's own log. SIGINT, which is blocked before, reaches it once Dagster listens for it.
    """
    from dagster._cli.api import _execute_run_command_body

    with capture_interrupts(), instance_of(ref) as instance:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _execute_run_command_body(run_id, instance, lambda _: None, set_exit_code_on_failure=False)
        return str(instance.root_directory)


def end_run(instance: dg.DagsterInstance, run: dg.DagsterRun, message: str) -> None:
    """Report a run as failed whose process is gone or about to go, and free the slots of pools that its steps have.

    Dagster frees these itself, where run monitoring is on: minutes later.
    """
    instance.report_run_failed(run, message)
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def replace_queue_loop(loop: Callable[[Any, Any, Any], Iterator[Any]]) -> None:
    """Have the queue's daemon in this process run ``loop(daemon, workspace, shutdown event)`` instead of its own."""
    from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

    QueuedRunCoordinatorDaemon.core_loop = loop  # type: ignore[method-assign, assignment]


def one_look_at_the_queue(daemon: Any, workspace: Any) -> Iterator[Any]:
    """One look of the queue's daemon, as its own loop does it; what goes wrong is what that reports too."""
    from dagster._daemon.daemon import SpanMarker
    from dagster._utils.error import serializable_error_info_from_exc_info

    yield SpanMarker.START_SPAN
    try:
        yield from daemon.run_iteration(workspace)
    except Exception:
        error = serializable_error_info_from_exc_info(sys.exc_info())
        daemon._logger.error(  # noqa: TRY400  # the text has the traceback, of the code location too
            "Caught error:\n%s", error
        )
        yield error
    yield SpanMarker.END_SPAN


@dataclass(frozen=True)
class Moment:
    """What the sensor daemon knows when it decides whether to evaluate a sensor.

    ``is_early`` is its own answer, from the sensor's ``interval`` in seconds and the timestamp at which the last tick
    ``started`` (None: there was none).
    """

    is_early: bool
    interval: float
    started: float | None


def hook_sensor_daemon(
    begun: Callable[[Path, threading.Event], threading.Event], is_early: Callable[[str, Moment], bool]
) -> None:
    """Let ``is_early`` decide for each sensor by its name, in a sensor daemon of this process that begins later.

    ``begun`` is called when it begins, with the root folder of the instance. It gives what the daemon waits for, in
    place of the event that ends it.
    """
    from dagster._daemon.daemon import SensorDaemon

    loop: Any = SensorDaemon.core_loop
    if hasattr(loop, "hooked"):
        return
    room: Any = importlib.import_module("dagster._daemon.sensor")
    dagsters: Any = room.is_under_min_interval

    def core_loop(self: Any, context: Any, shutdown_event: threading.Event) -> Iterator[Any]:
        yield from loop(self, context, begun(Path(context.instance.root_directory), shutdown_event))

    def is_under_min_interval(state: Any, remote_sensor: Any, *arguments: Any) -> bool:
        data = state.instigator_data
        started = max(data.last_tick_timestamp or 0, data.last_tick_start_timestamp or 0) if data is not None else 0
        early = dagsters(state, remote_sensor, *arguments)
        moment = Moment(early, remote_sensor.min_interval_seconds or 0, started or None)
        return is_early(remote_sensor.name, moment)

    daemon: Any = SensorDaemon
    for place, hook, own in ((daemon, core_loop, loop), (room, is_under_min_interval, dagsters)):
        hooked: Any = hook
        hooked.hooked = own
        setattr(place, own.__name__, hooked)


def home_of(ref: Any) -> Path:
    """The root folder of the instance that an ``instance_ref`` describes, without opening it."""
    return Path(ref.local_artifact_storage.base_dir)


Steps = Callable[[StepExecutionContext], Generator[DagsterEvent, None, None]]
"""What executes a step and yields its events. Errors of the step are raised; Dagster makes its failure of them."""


def around_steps(wrap: Callable[[Steps], Steps]) -> None:
    """Have every step that this process executes from now on executed by ``wrap`` of what executes it."""
    room: Any = execute_plan
    own: Any = room.core_dagster_event_sequence_for_step
    if not hasattr(own, "wrapped"):
        wrapped: Any = wrap(own)
        wrapped.wrapped = own
        room.core_dagster_event_sequence_for_step = wrapped


def assets_of_step(context: StepExecutionContext) -> list[dg.AssetKey]:
    """The assets that a step materializes, of those that were selected; none for an op of no asset."""
    layer = context.job_def.asset_layer
    keys = layer.get_selected_entity_keys_for_node(context.node_handle)
    return sorted(key for key in keys if isinstance(key, dg.AssetKey))


def retried_by_policy(context: StepExecutionContext, failure: Failure) -> BaseException:
    """What a step raises for ``failure``: a request to be retried if its op has a policy, else the failure."""
    policy = context.op_retry_policy
    if policy is None or not failure.allow_retries:
        return failure
    wait = policy.calculate_delay(context.previous_attempt_count + 1)
    request = RetryRequested(max_retries=policy.max_retries, seconds_to_wait=wait)
    request.__cause__ = failure
    return request


def store_failure(context: StepExecutionContext, failure: Failure) -> None:
    """Write into the event log that a step has failed, from another thread than that of the step."""
    error = SerializableErrorInfo(f"{type(failure).__name__}: {failure.description}\n", [], type(failure).__name__)
    told = UserFailureData("intentional-failure", failure.description, failure.metadata)
    DagsterEvent.step_failure_event(context, StepFailureData(error, told))
