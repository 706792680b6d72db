"""The console: each notice as a block of text on the standard error stream. It is the only channel on a laptop."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TextIO

from platform_assets.alerts.notices import ChannelError, Event, Notice
from platform_assets.alerts.rendering.plain import block

RULE = "-" * 80


@dataclass(frozen=True)
class Console:
    """Writes to ``stream``, or to what ``sys.stderr`` is at the time."""

    name: str
    stream: TextIO | None = None

    def send(self, notice: Notice, *, thread: str = "", again: bool = False) -> str:
        """Write the block in one piece; what was written before is not known, so ``again`` changes nothing."""
        if notice.event is Event.CHANGED:
            return ""
        stream = self.stream or sys.stderr
        encoding = getattr(stream, "encoding", None) or "utf-8"
        text = f"{RULE}\n{block(notice)}\n{RULE}\n".encode(encoding, "backslashreplace").decode(encoding)
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError) as error:
            # ValueError: the stream is closed
            raise ChannelError(f"the console cannot be written to: {type(error).__name__}") from None
        return ""
