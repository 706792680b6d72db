"""A `dagster dev` on a project of its own, for benchmarks: started, asked by GraphQL, ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import yaml

LOCAL = Path(__file__).resolve().parents[1] / "deploy" / "local" / "dagster.yaml"


class DevServer:
    """A `dagster dev` in the folder ``root``, on the module ``module`` that lies there.

    The folder has a pyproject.toml. The instance is that of deploy/local but for the keys ``without``, and executes so
    many ``runs`` at once (None: as many as there). Its environment has ``variables`` too.
    """

    def __init__(
        self, root: Path, module: str, *, without: tuple[str, ...] = (), runs: int | None = 8, **variables: str
    ) -> None:
        # who ends a benchmark ends what it has started
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        home = root / "dagster"
        home.mkdir(parents=True)
        config = {key: value for key, value in yaml.safe_load(LOCAL.read_text()).items() if key not in without}
        if runs is not None:
            config["concurrency"]["runs"]["max_concurrent_runs"] = runs
        (home / "dagster.yaml").write_text(yaml.safe_dump(config))
        workspace = f"load_from: [{{python_module: {{module_name: {module}, location_name: {module}}}}}]\n"
        (root / "workspace.yaml").write_text(workspace)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        program = str(Path(sys.executable).with_name("dagster"))
        environment = {**os.environ, "DAGSTER_HOME": str(home), **variables}
        with (root / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [program, "dev", "-w", "workspace.yaml", "-p", str(self.port)],
                cwd=root, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        while self.ask("{ version }") is None:
            assert self.process.poll() is None, (root / "log").read_text()
            time.sleep(0.1)

    def ask(self, query: str, **variables: object) -> dict | None:
        """The data of an answer; None while the server does not answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
