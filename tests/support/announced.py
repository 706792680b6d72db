"""Packages of somebody else's that announce something by entry point, and the examples in docs/extending.md."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from platform_assets.announced import announced

EXTENDING = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


@contextmanager
def installed(site: Path, module: str, source: str, group: str, *entries: str) -> Iterator[None]:
    """The package as an installer would leave it: its module, and its metadata with the entry points."""
    metadata = site / f"{module}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / f"{module}.py").write_text(source)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{entry}\n" for entry in entries))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        announced.cache_clear()
        yield
        sys.modules.pop(module, None)
    announced.cache_clear()


def documented(heading: str, language: str) -> str:
    """The first example in a language below a heading of docs/extending.md."""
    section = EXTENDING.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None, f"no {language} below {heading}"
    return found[1]


def documented_entry(heading: str) -> tuple[str, str]:
    """Group and entry (``name = module:object``) of the example below a heading."""
    toml = documented(heading, "toml")
    found = re.search(r'entry-points\."([^"]+)"\]\n(\w+) = "([^"]+)"', toml)
    assert found is not None, toml
    return found[1], f"{found[2]} = {found[3]}"
