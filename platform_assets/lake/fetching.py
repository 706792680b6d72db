"""Objects of the lake as files of this machine; where only schemas are read, without their rows."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from platform_assets.logs import in_this_context
from platform_assets.stores.objects import Objects

TRANSFERS = 8
"""Objects that are fetched side by side."""
FIRST = 64 << 10
"""So many bytes at the end of a file are asked for first: the metadata of most files are in them."""
MAGIC = b"PAR1"


def fetch_all(objects: Objects, pairs: Sequence[tuple[str, Path]], *, schemas_only: bool = False) -> None:
    """Write each object into its file; where there is no object, there is no file.

    With ``schemas_only`` a file has the size and the metadata of a Parquet object, and a hole for its rows.
    """
    fetch = partial(_fetch_footer, objects) if schemas_only else objects.fetch

    def fetched(pair: tuple[str, Path]) -> None:
        key, path = pair
        if not fetch(key, path):
            path.unlink()

    with ThreadPoolExecutor(TRANSFERS) as pool:
        list(pool.map(in_this_context(fetched), pairs))


def _fetch_footer(objects: Objects, key: str, path: Path) -> bool:
    if not objects.fetch_end(key, path, FIRST):
        return False
    size = path.stat().st_size
    if size < 3 * len(MAGIC):
        return True
    with path.open("rb") as file:
        file.seek(size - 8)
        length = int.from_bytes(file.read(4), "little") + 8
    if FIRST < length <= size and not objects.fetch_end(key, path, length):
        return False
    if length < size:
        with path.open("r+b") as file:
            file.write(MAGIC)
    return True
