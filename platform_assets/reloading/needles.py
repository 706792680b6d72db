"""Texts searched for in bytes: of files that are read as they are, and of texts that a database gives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

CHUNK = 8 << 20
WINDOW = 6
"""Bytes of a text by which places are found that may hold it; no text is shorter."""


class Needles:
    """Texts of at least :data:`WINDOW` bytes, each as it stands in plain text, in JSON and in CSV."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        self._by_window: dict[int, list[bytes]] = {}
        for form in {form for text in texts for form in _forms(text)}:
            self._by_window.setdefault(int.from_bytes(form[:WINDOW], "big"), []).append(form)
        self._longest = max((len(form) for forms in self._by_window.values() for form in forms), default=0)

    @cached_property
    def _windows(self) -> np.ndarray:
        return np.array(sorted(self._by_window), np.uint64)

    def in_bytes(self, data: bytes) -> int:
        """How many places of ``data`` hold one of the texts."""
        if len(data) < WINDOW or not self._by_window:
            return 0
        view = np.frombuffer(data, np.uint8)
        length = len(view) - WINDOW + 1
        windows = np.zeros(length, np.uint64)
        for at in range(WINDOW):
            windows <<= np.uint64(8)
            windows |= view[at : at + length]
        places = np.flatnonzero(np.isin(windows, self._windows)).tolist()
        return sum(any(data.startswith(form, at) for form in self._by_window[int(windows[at])]) for at in places)

    def in_file(self, path: Path) -> int:
        """How many places of a file hold one of the texts; 0 for one that is gone."""
        found, kept = 0, b""
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    data = kept + chunk
                    # a text that the end of this piece cuts is found with the next one, and no other twice
                    cut = max(0, len(data) - self._longest + 1)
                    found += self.in_bytes(data) - self.in_bytes(data[cut:])
                    kept = data[cut:]
            return found + self.in_bytes(kept)
        except FileNotFoundError:
            return 0

    def in_texts(self, texts: Iterable[str]) -> int:
        """How many places of texts hold one of those searched for."""
        found, size = 0, 0
        waiting: list[bytes] = []
        for text in texts:
            waiting.append(text.encode("utf-8", "surrogatepass"))
            size += len(waiting[-1])
            if size > CHUNK:
                found += self.in_bytes(b"\0".join(waiting))
                waiting, size = [], 0
        return found + self.in_bytes(b"\0".join(waiting))


def _forms(text: str) -> set[bytes]:
    escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    twice = {json.dumps(form, ensure_ascii=ascii)[1:-1] for form in escaped for ascii in (True, False)}
    forms = {text, text.replace('"', '""'), *escaped, *twice}
    return {form.encode("utf-8", "surrogatepass") for form in forms}
