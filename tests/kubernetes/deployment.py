"""A project whose runs are pods of a cluster: webserver, daemon and the double of the cluster, each a process."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from kubernetes import client, config

from platform_assets.kubernetes.rights import LAUNCHER
from tests.kubernetes.project import DEFINITIONS, SIZES
from tests.support.served_project import ServedProject, messages
from tests.support.servers import ROOT, Servers, free_port, wait_for

NAMESPACE = "dagster"
IMAGE = "platform:test"

RIGHTS = [str(right) for right in LAUNCHER]
"""What the daemon and the webserver may do."""


@dataclass
class Double:
    """The double of the cluster, and its side door."""

    port: int
    folder: Path
    process: subprocess.Popen[str]

    def ask(self, what: str, **body: Any) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/double/{what}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@dataclass
class Deployment(ServedProject):
    """``core`` and ``batch`` are clients of the cluster's API."""

    double: Double
    core: Any
    batch: Any
    launched: list[str] = field(default_factory=list)
    location = "pods"

    def launch(self, asset: str, job: str = "__ASSET_JOB", **tags: str) -> str:
        """As for any project, and remembered. The job `apart` has a process for each step."""
        self.launched.append(super().launch(asset, job, **tags))
        return self.launched[-1]

    def status(self, run_id: str) -> str:
        return str(self.run(run_id)["status"])

    def log(self, run_id: str) -> str:
        return messages(self.run(run_id))

    def ended_as(self, run_id: str) -> str:
        """What the run's pod is found to have ended of, once it is."""
        return str(wait_for("what ended the run", lambda: self.tags(run_id).get("platform/ended")))

    def retry_of(self, run_id: str) -> str:
        """The run that Dagster has started again."""
        return str(wait_for("the next run", lambda: self.tags(run_id).get("dagster/auto_retry_run_id")))

    def pods(self, run_id: str) -> list[Any]:
        return list(self.core.list_namespaced_pod(NAMESPACE, label_selector=f"dagster/run-id={run_id}").items)

    def pod(self, run_id: str) -> Any:
        """Its pod, once there is one."""
        return wait_for("the pod", lambda: self.pods(run_id))[0]

    def begun(self) -> int:
        """The process of the asset `waiting`, once it works."""
        (self.root / "go").unlink(missing_ok=True)
        return int(wait_for("the step", lambda: (self.root / "begun").exists() and (self.root / "begun").read_text()))

    def running(self, run_id: str) -> list[str]:
        """The names of its pods that are not over."""
        return [pod.metadata.name for pod in self.pods(run_id) if pod.status.phase in ("Pending", "Running")]

    def whole_again(self) -> None:
        """The cluster without faults, and nothing left in it: of every run that is over, no pod goes on."""
        self.faults(images=[IMAGE], allocatable="64Gi", slow_start=0.0)
        self.may(*RIGHTS)
        (self.root / "go").touch()
        for run_id in self.launched:
            self.ended(run_id)
        wait_for("the end of their pods", lambda: not any(map(self.running, self.launched)))
        (self.root / "go").unlink()
        (self.root / "begun").unlink(missing_ok=True)
        self.launched.clear()

    def may(self, *rights: str) -> None:
        """What the daemon and the webserver may do from now on."""
        self.double.ask("rights", daemon=rights)

    def daemon_says(self, text: str) -> None:
        """Wait until the daemon has it in its log."""
        wait_for(text, lambda: text in (self.root / "logs" / "platform-assets.log").read_text(errors="replace"))

    def jobs(self, run_id: str) -> list[Any]:
        return list(self.batch.list_namespaced_job(NAMESPACE, label_selector=f"dagster/run-id={run_id}").items)

    def config(self, container: dict[str, Any], pod: dict[str, Any]) -> dict[str, str]:
        """The tag of a run whose pod has a configuration of its own."""
        return {"dagster-k8s__config": json.dumps({"container_config": container, "pod_spec_config": pod})}

    def faults(self, **faults: Any) -> None:
        self.double.ask("faults", **faults)


@contextmanager
def double_in(folder: Path) -> Iterator[Double]:
    """A cluster whose pods' logs are in ``folder``."""
    folder.mkdir(parents=True)
    port = free_port()
    command = [sys.executable, "-m", "tests.kubernetes.cluster", str(port), str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        try:
            yield Double(port, folder, process)
        finally:
            process.terminate()


def kubeconfig(path: Path, port: int, token: str) -> Path:
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "double",
        "clusters": [{"name": "double", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": token, "user": {"token": token}}],
        "contexts": [{"name": "double", "context": {"cluster": "double", "user": token, "namespace": NAMESPACE}}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content))
    return path


@contextmanager
def deployment_in(root: Path, **launcher: object) -> Iterator[Deployment]:
    """The project in ``root``, deployed; ``launcher`` adds to the run launcher's configuration."""
    with double_in(root / "cluster") as double:
        home = root / "dagster"
        home.mkdir()
        (root / "pods.py").write_text(DEFINITIONS)
        (root / "sizes.yaml").write_text(SIZES)
        location = {"relative_path": "pods.py", "location_name": "pods"}
        (root / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"python_file": location}]}))
        settings = {
            "telemetry": {"enabled": False},
            "run_launcher": {
                "module": "platform_assets.kubernetes.launcher",
                "class": "PlatformK8sRunLauncher",
                "config": {
                    "load_incluster_config": False,
                    "kubeconfig_file": str(kubeconfig(root / "kubeconfig", double.port, "daemon")),
                    "job_namespace": NAMESPACE,
                    "service_account_name": "dagster",
                    "job_image": IMAGE,
                    "instance_config_map": "dagster-instance",
                    "dagster_home": str(home),
                    "env_vars": [f"PYTHONPATH={ROOT}:{root}"],
                    "sizes": str(root / "sizes.yaml"),
                    "look_seconds": 1.0,
                    "patience": {"unschedulable": 6.0, "no_pod": 4.0, "image": 2.0},
                    **launcher,
                },
            },
            "run_monitoring": {"enabled": True, "poll_interval_seconds": 3, "start_timeout_seconds": 300},
            "run_retries": {"enabled": True, "max_retries": 0},
        }
        (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        double.ask("rights", daemon=RIGHTS)
        api = client.ApiClient(_configuration(kubeconfig(root / "kubeconfig.test", double.port, "test")))
        core, batch = client.CoreV1Api(api), client.BatchV1Api(api)
        for account in ("default", "dagster"):
            core.create_namespaced_service_account(NAMESPACE, {"metadata": {"name": account}})
        servers = Servers(root, free_port(), root, {"PYTHONPATH": f"{ROOT}:{root}", "PYTHONUNBUFFERED": "1"})
        deployment = Deployment(root, servers, double, core, batch)
        # Dagster's storage is not made by two processes at once
        with dg.DagsterInstance.from_config(str(home)):
            pass
        try:
            servers.start("dagster-webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(servers.port))
            servers.start("platform-assets", "daemon", "-w", "workspace.yaml")
            loaded = "{ assetNodes { id } }"
            wait_for("the code", lambda: (servers.graphql(loaded) or {}).get("assetNodes"), seconds=300)
            yield deployment
        finally:
            servers.stop()


def _configuration(path: Path) -> client.Configuration:
    found = client.Configuration()
    config.load_kube_config(str(path), client_configuration=found)
    return found
