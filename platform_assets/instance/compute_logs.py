"""`QuickComputeLogManager`: what a run prints, into Dagster's log files and onto the console, without more processes.

Dagster's own starts four for each run: a `tail` for each stream, and a Python that watches over it. In dagster.yaml:

    compute_logs:
      module: platform_assets.instance.compute_logs
      class: QuickComputeLogManager
      config: {}  # base_dir: DAGSTER_HOME/storage

The files are those of Dagster's `LocalComputeLogManager`, and are written by the run's process itself: a run that is
killed has printed there all that it printed. Onto the console it is copied by a thread.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from dagster._config.config_schema import UserConfigSchema
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClassData
from dagster._utils import ensure_file, touch_file

from platform_assets.instance.places import base_dir, base_dir_config

EVERY_SECONDS = 0.25
"""How long what is printed takes to the console."""

LAST_SECONDS = 5.0
"""How long a run waits at its end for a console that takes nothing."""


class QuickComputeLogManager(LocalComputeLogManager):
    """Dagster's local log files; see the module's docstring."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return base_dir_config()

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(base_dir(config_value, "compute_logs", "storage"), inst_data=inst_data)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        paths = [
            self.get_captured_local_path(log_key, IO_TYPE_EXTENSION[kind])
            for kind in (ComputeIOType.STDOUT, ComputeIOType.STDERR)
        ]
        with mirrored(sys.stdout, paths[0]), mirrored(sys.stderr, paths[1]):
            yield CapturedLogContext(log_key)
        touch_file(self.complete_artifact_path(log_key))


@contextmanager
def mirrored(stream: Any, path: str) -> Iterator[None]:
    """Append to the file at ``path`` what is written to ``stream``, by whoever in this process, and pass it on."""
    ensure_file(path)
    try:
        shown = os.dup(stream.fileno())
    except (AttributeError, OSError, io.UnsupportedOperation):
        # no stream of the operating system, as in a notebook: nothing to pass on
        with redirect_to_file(stream, path):
            yield
        return
    try:
        copying = _Copying(path, shown)
    except OSError:
        os.close(shown)
        raise
    try:
        with redirect_to_file(stream, path):
            yield
    finally:
        copying.end()


class _Copying:
    """A thread that passes on what is appended to a file."""

    def __init__(self, path: str, shown: int) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115  # closed by the thread
        self._file.seek(0, os.SEEK_END)
        self._shown = shown
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._copy, name="console", daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        # a console that is gone takes nothing more; the file has it all
        with self._file, contextlib.suppress(OSError):
            over = False
            while not over:
                over = self._over.wait(EVERY_SECONDS)
                while text := self._file.read(65536):
                    while text:
                        text = text[os.write(self._shown, text) :]
        os.close(self._shown)

    def end(self) -> None:
        """Pass on the rest."""
        self._over.set()
        self._thread.join(LAST_SECONDS)
