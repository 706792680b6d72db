"""What dbt finds out anew with each command, although it is the same for a whole process: found out once, or cheaply.

tests/dbt/test_quick_start.py fails when one of the parts of dbt moves that are replaced here.
"""

from __future__ import annotations

import functools
import sys


@functools.cache
def quicken() -> None:
    """Have dbt look for its plugins once, and ask by the frames alone who declares a behavior flag."""
    from dbt.plugins.manager import PluginManager
    from dbt_common.behavior_flags import BehaviorFlagRendered

    # it lists every module that is installed
    look = functools.cache(PluginManager.get_prefixed_modules)
    PluginManager.get_prefixed_modules = staticmethod(look)  # type: ignore[method-assign]
    # it reads the source lines of the whole stack, which is deep within a run, for each flag of the adapter
    BehaviorFlagRendered._default_source = staticmethod(_declaring_module)  # type: ignore[method-assign]


def _declaring_module() -> str:
    passed_over = (__name__, "dbt_common.behavior_flags")
    frame = sys._getframe()
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name and name not in passed_over:
            return name
        frame = frame.f_back  # type: ignore[assignment]
    return "Unknown"
