"""Names of transactions and staging tables that tell which process they belong to, and what becomes of the dead's.

A name is made of letters, digits and ``_``: machine, process, its start, the time, a part of its own. Of the machine
that asks it is known whether the process runs. What belongs to other machines is left alone for a day.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import secrets
import time

from platform_assets.machine import machine, started
from platform_assets.warehouse.errors import StorageFault

ABANDONED_SECONDS = 24 * 3600
_NAME = re.compile(r"PLATFORM_([0-9A-F]{12})_(\d+)_([0-9A-Z]+)_([0-9A-F]{8})_[0-9A-F]{8}")


def new_name() -> str:
    """A name that this process has given once. ``StorageFault`` when it cannot find out about itself."""
    try:
        since = started(os.getpid())
    except OSError as error:
        raise StorageFault(f"this process cannot be looked at: {error}. Nothing was changed; run again.") from error
    now = f"{int(time.time()):08X}"
    return f"PLATFORM_{_machine()}_{os.getpid()}_{_letters(since)}_{now}_{secrets.token_hex(4).upper()}"


def is_dead(name: str) -> bool:
    """Whether the process that gave the name was one of this machine, and is gone."""
    named = _NAME.match(name)
    if named is None or named[1] != _machine():
        return False
    try:
        return _letters(started(int(named[2]))) != named[3]
    except OSError:
        return False


def is_abandoned(name: str) -> bool:
    """Whether the name was given so long ago that nobody works under it, on whatever machine."""
    named = _NAME.match(name)
    return named is not None and int(named[4], 16) < time.time() - ABANDONED_SECONDS


@functools.cache
def _machine() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:12].upper()


def _letters(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", text.upper()) or "0"
