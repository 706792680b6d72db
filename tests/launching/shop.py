"""A project of a few assets under a real `dagster dev`, whose runs are started as deploy/local says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from platform_assets.feeds import run_tags
from tests.support.served_project import ServedProject, messages
from tests.support.servers import Servers, configure_instance, free_port, wait_for

DEFINITIONS = """\
import os, subprocess, sys, time
from pathlib import Path
import dagster as dg
import duckdb, pyarrow  # both have a thread of their allocator

VERSION = "one"
HERE = Path(__file__).parent


@dg.asset
def about():
    known = "colorsys" in sys.modules
    import colorsys
    assert duckdb.sql("SELECT sum(i) FROM range(1000000) t(i)").fetchone() == (499999500000,)
    assert pyarrow.table({"n": [1]}).num_rows == 1
    word = os.environ.get("SHOP_WORD", "")
    told = {"pid": os.getpid(), "parent": os.getppid(), "version": VERSION, "known": known, "word": word}
    return dg.MaterializeResult(metadata=told)


@dg.asset
def endless():
    (HERE / "begun").touch()
    while True:
        time.sleep(0.05)


@dg.asset
def leaking():
    kept = bytearray(os.urandom(1024)) * 400_000
    return dg.MaterializeResult(metadata={"parent": os.getppid(), "bytes": len(kept)})


@dg.asset
def leaving():  # a process that holds what it inherited, and outlives the run
    if os.fork() == 0:
        while True:
            time.sleep(1)
            if (HERE / "left").exists():
                os._exit(0)


@dg.asset
def writing():
    with (HERE / "written").open("a") as file:
        file.write(".")
        file.flush()
        time.sleep(0.2)
        file.write("|")


@dg.asset
def broken():
    raise dg.Failure("the till is empty", allow_retries=False)


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["mon", "tue", "wed"]))
def daily(context) -> None:
    context.log.info(f"for {context.partition_keys}")


assets = [about, endless, leaking, leaving, writing, broken, daily]
defs = dg.Definitions(assets=assets, executor=dg.in_process_executor)
"""
PRELOADED = "platform_assets.launching.preloaded"


class Shop(ServedProject):
    """A project and its `dagster dev`."""

    location = "shop"

    @property
    def code(self) -> Path:
        return self.root / "shop.py"

    def about(self, asset: str = "about") -> dict[str, Any]:
        """What a run of `about` said of itself; `log` holds its messages."""
        run = self.ended(self.launch(asset))
        assert run["status"] == "SUCCESS", messages(run)
        (entries,) = [m["metadataEntries"] for m in run["assetMaterializations"]]
        told = {e["label"]: e.get("text", e.get("intValue", e.get("boolValue"))) for e in entries}
        return {**told, "log": messages(run)}

    def process_of(self, run_id: str) -> int:
        """The process of a run that was begun by the launcher."""
        worker = wait_for("the tag", lambda: self.tags(run_id).get(run_tags.WORKER))
        return int(json.loads(worker)["pid"])

    def begin_endless(self) -> tuple[str, int]:
        """A run that does not end by itself; its id and its process."""
        (self.root / "begun").unlink(missing_ok=True)
        run_id = self.launch("endless")
        wait_for("the endless step", (self.root / "begun").exists)
        return run_id, self.process_of(run_id)

    def preloaded(self) -> int | None:
        """The preloaded process, if there is just one."""
        found = []
        for process in self.servers.descendants():
            with suppress(psutil.Error):
                parent = process.parent()
                # its runs are copies of it
                if PRELOADED in process.cmdline() and parent is not None and PRELOADED not in parent.cmdline():
                    found.append(process.pid)
        return found[0] if len(found) == 1 else None

    def start(self) -> None:
        """Start the `dagster dev`, and wait for it."""
        self.servers.start("dagster", "dev", "-w", "workspace.yaml", "-p", str(self.servers.port))
        wait_for("the webserver", lambda: self.servers.graphql("{ version }"), seconds=300)


@contextmanager
def shop_in(root: Path, *, monitoring_seconds: int | None = None, **launcher: object) -> Iterator[Shop]:
    """The project in ``root``, served; ``launcher`` configures its run launcher.

    ``monitoring_seconds`` is how often run monitoring looks, which else is Dagster's two minutes.
    """
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (root / "shop.py").write_text(DEFINITIONS)
    configure_instance(root)
    config = root / "dagster" / "dagster.yaml"
    settings = yaml.safe_load(config.read_text())
    settings["run_launcher"]["config"] = launcher
    if monitoring_seconds is not None:
        settings["run_monitoring"]["poll_interval_seconds"] = monitoring_seconds
    config.write_text(yaml.safe_dump(settings))
    (root / "workspace.yaml").write_text("load_from: [{python_module: {module_name: shop, location_name: shop}}]\n")
    # what `dg dev` says of the project's .env
    variables = {"DAGSTER_PROJECT_ENV_FILE_PATHS": json.dumps({"shop": "."})}
    shop = Shop(root, Servers(root, free_port(), root, variables))
    try:
        shop.start()
        yield shop
    finally:
        shop.servers.stop()
