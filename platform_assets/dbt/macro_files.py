"""The macros that a dbt project needs for building and testing by partition, and whether it has them.

They lie as files in `macros`: a project names that folder in its macro-paths, or has a copy of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "macros"

_MACRO = re.compile(r"{%-?\s*(macro|test)\s+(\w+)")


def macro_names() -> set[str]:
    """The names of all of the platform's macros, as dbt knows them."""
    found: set[str] = set()
    for path in FOLDER.glob("*.sql"):
        for kind, name in _MACRO.findall(path.read_text(encoding="utf-8")):
            found.add(f"test_{name}" if kind == "test" else name)
    return found


def missing_macros(manifest: Mapping[str, Any]) -> list[str]:
    """Those of the platform's macros that a project does not have; dbt's own of the same name do not count.

    dbt does not report it: while it parses, a macro that is not there is taken for one that is.
    """
    own = {macro["name"] for macro in manifest["macros"].values() if not macro["package_name"].startswith("dbt")}
    return sorted(macro_names() - own)
