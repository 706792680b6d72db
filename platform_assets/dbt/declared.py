"""What the YAML of a defs folder declares, read without Dagster: components of one kind, and their attributes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def declared(file: Path, word: str) -> Iterator[dict[str, Any]]:
    """The attributes of each component in ``file`` whose type ends in ``word``, such as FileFeed.

    A file that is no YAML declares nothing here: loading the definitions reports what is wrong with it.
    """
    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except yaml.YAMLError:
        return
    for document in documents:
        if isinstance(document, dict) and str(document.get("type", "")).endswith(word):
            yield document.get("attributes") or {}
