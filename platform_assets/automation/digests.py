"""A short digest of what a tick decided about, for run keys and cursors: they stay short whatever it was."""

from __future__ import annotations

import hashlib


def digest(text: str) -> str:
    """16 hex digits, the same in every process. Names that are not UTF-8 are taken as the file system gave them."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
