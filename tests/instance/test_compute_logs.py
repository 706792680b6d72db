"""What a run prints: in Dagster's log files, and on the console, with no process more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType

from platform_assets.instance.compute_logs import QuickComputeLogManager

KEY = ["run", "compute_logs", "step"]


def manager(folder: Path) -> QuickComputeLogManager:
    return QuickComputeLogManager.from_config_value(None, {"base_dir": str(folder)})


def text(logs: QuickComputeLogManager, kind: ComputeIOType) -> str:
    return Path(logs.get_captured_local_path(KEY, "out" if kind is ComputeIOType.STDOUT else "err")).read_text()


PRINTING = """
import os, subprocess, sys
import psutil
from platform_assets.instance.compute_logs import QuickComputeLogManager as M
logs = M.from_config_value(None, {"base_dir": sys.argv[1]})
with logs.capture_logs(["run", "compute_logs", "step"]):
    print("from Python", flush=True)
    print("an error", file=sys.stderr)
    os.write(1, b"from a library\\n")
    subprocess.run(["sh", "-c", "echo from a child"], check=True)
    assert not psutil.Process().children(recursive=True)
    assert not logs.is_capture_complete(["run", "compute_logs", "step"])
print("afterwards")
"""


@pytest.mark.slow
def test_what_is_printed_is_in_the_files_and_on_the_console(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", PRINTING, str(tmp_path)], capture_output=True, text=True, check=False)
    printed = "from Python\nfrom a library\nfrom a child\n"
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{printed}afterwards\n", "an error\n", 0)
    logs = manager(tmp_path)
    assert logs.is_capture_complete(KEY)
    assert text(logs, ComputeIOType.STDOUT) == printed
    assert text(logs, ComputeIOType.STDERR) == "an error\n"


def test_a_second_capture_is_appended_and_shown_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logs = manager(tmp_path)
    for word in ("first", "second"):
        with logs.capture_logs(KEY):
            print(word)
    assert text(logs, ComputeIOType.STDOUT) == "first\nsecond\n"
    assert capfd.readouterr().out == "first\nsecond\n"


def test_much_is_passed_on_whole(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logs = manager(tmp_path)
    with logs.capture_logs(KEY):
        for i in range(20_000):
            print("line", i)
    assert text(logs, ComputeIOType.STDOUT) == "".join(f"line {i}\n" for i in range(20_000))
    assert capfd.readouterr().out == text(logs, ComputeIOType.STDOUT)


def test_an_error_ends_the_capture_and_is_raised(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logs = manager(tmp_path)

    def printing() -> None:
        with logs.capture_logs(KEY):
            print("before the error")
            raise RuntimeError("within")

    with pytest.raises(RuntimeError, match="within"):
        printing()
    print("shown at once")
    assert text(logs, ComputeIOType.STDOUT) == "before the error\n"
    assert capfd.readouterr().out == "before the error\nshown at once\n"


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), signal.SIGKILL)", "os.close(0); os.abort()"])
def test_a_process_that_dies_has_written_all_it_printed(tmp_path: Path, ending: str) -> None:
    code = (
        "import os, signal, sys\nfrom platform_assets.instance.compute_logs import QuickComputeLogManager as M\n"
        f"with M.from_config_value(None, {{'base_dir': {str(tmp_path)!r}}}).capture_logs({KEY!r}):\n"
        f"    print('last words', flush=True)\n    {ending}\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode in (-signal.SIGKILL, -signal.SIGABRT)
    assert text(manager(tmp_path), ComputeIOType.STDOUT) == "last words\n"


@pytest.mark.slow
def test_a_console_that_is_gone_costs_the_run_nothing(tmp_path: Path) -> None:
    code = (
        "from platform_assets.instance.compute_logs import QuickComputeLogManager as M\nimport os\n"
        f"with M.from_config_value(None, {{'base_dir': {str(tmp_path)!r}}}).capture_logs({KEY!r}):\n"
        "    print('a line' * 100_000, flush=True)\n"
        "os._exit(7)\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as console:
        ended = subprocess.run([sys.executable, "-c", code], stdout=console, check=False)
    assert ended.returncode == 7
    assert len(text(manager(tmp_path), ComputeIOType.STDOUT)) == 600_001


def test_a_run_reads_it_back_as_with_the_stock_manager(tmp_path: Path) -> None:
    @dg.asset
    def talking() -> None:
        print("hello from the asset")

    config = {"module": "platform_assets.instance.compute_logs", "class": "QuickComputeLogManager"}
    overrides = {"compute_logs": {**config, "config": {"base_dir": str(tmp_path)}}}
    with dg.instance_for_test(overrides=overrides) as instance:
        run = dg.materialize([talking], instance=instance)
        captured = [e for e in run.all_events if e.event_type is dg.DagsterEventType.LOGS_CAPTURED]
        assert captured
        key = [run.run_id, "compute_logs", captured[0].logs_captured_data.file_key]
        assert b"hello from the asset" in (instance.compute_log_manager.get_log_data(key).stdout or b"")


def test_dagster_home_is_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(ValueError, match="base_dir is missing, and DAGSTER_HOME is not set"):
        QuickComputeLogManager.from_config_value(None, {})
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    logs = QuickComputeLogManager.from_config_value(None, {})
    assert Path(logs.get_captured_local_path(KEY, "out")).is_relative_to(tmp_path / "storage")
