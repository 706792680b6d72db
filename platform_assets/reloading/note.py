"""What a reload of a feed has begun and not ended, in a record beside the feed's partitions.

It names columns and no values. While it is there, a reload goes on with the removal of clear values although every
partition may have been written anew already.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from platform_assets.lake.errors import RecordTooNew, RecordUnreadable
from platform_assets.lake.json_records import FORMAT, FormatTooNew, built, content
from platform_assets.lake.layout import NOTE
from platform_assets.lake.store import Lake


@dataclass(frozen=True)
class Note:
    """The ``protected`` places of which clear values are to be removed, and the digest of the contract that says so.

    ``searched`` says that everything but earlier ingestions in the lake was searched, and nothing found.
    """

    contract_digest: str
    protected: tuple[str, ...] = ()
    searched: bool = False


def read_note(lake: Lake, feed: str) -> Note | None:
    """The note of a feed; None if no reload is under way. Raises ``RecordUnreadable``."""
    text = lake.note(feed)
    if text is None:
        return None
    where = f"{lake}/{feed}/{NOTE}"
    try:
        return built(Note, content(text))
    except FormatTooNew as error:
        raise RecordTooNew(where, error.found, FORMAT) from None
    except ValueError as error:
        raise RecordUnreadable(where, str(error)) from None


def write_note(lake: Lake, feed: str, note: Note) -> None:
    """Keep ``note`` until :func:`remove_note`."""
    lake.put_note(feed, json.dumps({"format": FORMAT, **asdict(note)}, indent=1).encode())


def remove_note(lake: Lake, feed: str) -> None:
    """Record that the reload has ended."""
    lake.put_note(feed, None)
