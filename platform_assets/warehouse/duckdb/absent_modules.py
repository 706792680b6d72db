"""Modules that DuckDB's Python module looks for at each value, remembered as absent where they are not installed.

A value that a Python function gives to DuckDB, or is bound to a statement, could be one of pandas: DuckDB imports it to
see. Where it is not installed the import fails, and is tried again with the next value: 2 ms each, 15 times as long as
all the rest of the ingestion of a small document.
"""

from __future__ import annotations

import functools
import importlib.util
import sys

LOOKED_FOR = ("pandas", "pyarrow", "polars", "torch", "tensorflow", "IPython", "ipywidgets")


@functools.cache
def remember_absent_modules() -> None:
    """Let an import of one that is not there fail at once. One that is installed later needs a new process."""
    for name in LOOKED_FOR:
        if name not in sys.modules and not _is_there(name):
            sys.modules[name] = None  # type: ignore[assignment]  # what Python itself takes for absent


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
