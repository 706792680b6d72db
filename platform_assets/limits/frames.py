"""Whether the code that the main thread runs at this moment may be ended by an exception.

A step's own code may. What Dagster does around it may not: an event that is half written, or a signal handler that is
half replaced, would harm the steps that come after it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import CodeType, FrameType

from platform_assets import instance


def _folder(package: str) -> str:
    spec = importlib.util.find_spec(package)
    return str(Path(str(spec.origin)).parent) if spec is not None else package


_DAGSTER = _folder("dagster")
_NEVER_BELOW = (
    f"{_DAGSTER}/_core/instance/",
    f"{_DAGSTER}/_core/storage/",
    f"{_DAGSTER}/_core/log_manager.py",
    f"{_DAGSTER}/_utils/interrupts.py",
    f"{Path(str(instance.__file__)).parent}/",
    "<frozen importlib",
    f"{_folder('logging')}/",
)
"""Code that is not ended, nor what it calls: it writes what other steps rely on, imports, or holds locks."""
_NOT_ITSELF = (f"{_DAGSTER}/_core/execution/", f"{_DAGSTER}/_core/errors.py", f"{_DAGSTER}/_utils/__init__.py")
"""Code that calls a step's own code: it is not ended itself."""
_CONTEXTS = _folder("contextlib") + "/contextlib.py"


def may_be_ended(frame: FrameType | None, outermost: CodeType) -> bool:
    """Whether an exception may be raised in ``frame``, which the code ``outermost`` has called."""
    innermost = frame
    while innermost is not None and innermost.f_code.co_filename == _CONTEXTS:
        innermost = innermost.f_back
    if innermost is None or innermost.f_code.co_filename.startswith(_NOT_ITSELF):
        return False
    while frame is not None and frame.f_code is not outermost:
        if frame.f_code.co_filename.startswith(_NEVER_BELOW):
            return False
        frame = frame.f_back
    return True
