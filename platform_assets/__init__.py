"""Software-defined partitioned assets: from arrived files, through contracts and gates, to published tables.

The names below are the words that a defs.yaml can use as `type: platform_assets.<Name>`. They are imported when
they are asked for, so that the rooms without Dagster, and the command line, start without it.
"""

import importlib
from typing import Any

_COMPONENTS = {
    "FileFeed": "platform_assets.components.file_feed",
    "DbtModels": "platform_assets.components.dbt_models",
    "PublishedTable": "platform_assets.components.published_table",
    "PlatformResources": "platform_assets.components.platform_resources",
}

__all__ = ["DbtModels", "FileFeed", "PlatformResources", "PublishedTable"]


def __getattr__(name: str) -> Any:
    if name in _COMPONENTS:
        found = globals()[name] = getattr(importlib.import_module(_COMPONENTS[name]), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
