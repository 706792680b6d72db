"""Whether a store refuses to replace an object that is to be put only if it is absent: without it a race loses data.

Not every server that speaks S3 does. It is tried out by each process before it writes to a lake for the first time.
"""

from __future__ import annotations

import uuid

from platform_assets.failures import Kind, PlatformError
from platform_assets.stores.objects import Objects

PROBE = "_lake.json"
"""An object beside the feeds that no writer may replace."""

_tried: set[str] = set()


class NoConditionalWrites(PlatformError):
    """The store has replaced an object that it was to create."""

    kind = Kind.MISCONFIGURED
    code = "store:conditional_writes"


def require_conditional_writes(objects: Objects) -> None:
    """Raise ``NoConditionalWrites`` if the store replaces what is there; it is asked once a process."""
    if objects.url in _tried:
        return
    objects.create(PROBE, b'{"format": 1}\n')
    if objects.create(PROBE, uuid.uuid4().hex.encode()):
        objects.delete([PROBE])
        raise NoConditionalWrites(
            f"{objects}: this store replaces an object that is to be put only if it is absent (If-None-Match), so two "
            "runs could overwrite each other's work. Use a version of the server that has conditional writes, or a "
            "lake in a folder"
        )
    _tried.add(objects.url)
