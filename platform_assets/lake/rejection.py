"""Why a whole delivery is refused, and why an ingestion could not be carried out."""

from __future__ import annotations

from pathlib import Path

from platform_assets.lake.names import encodable


class DeliveryRejected(Exception):
    """The delivery cannot be used as it is; the last good version of the partition stays.

    ``code`` names the kind, such as ``compression:truncated``; ``message`` names the file and what to do.
    """

    def __init__(self, code: str, message: str, *, feed: str = "", partition: str = "") -> None:
        message = encodable(message)
        self.feed, self.partition, self.code, self.message = feed, partition, code, message
        super().__init__(feed, partition, code, message)

    def __str__(self) -> str:
        return f"{self.feed} {self.partition}: delivery rejected ({self.code}): {self.message}"

    def of(self, feed: str, partition: str) -> DeliveryRejected:
        """The same rejection, told for a partition."""
        return DeliveryRejected(self.code, self.message, feed=feed, partition=partition)


class IngestionError(Exception):
    """The delivery was not judged: the disk is full, memory ran out, the lake cannot be written."""

    def __str__(self) -> str:
        return encodable(super().__str__())


class RecordUnreadable(IngestionError):
    """A manifest or a rejection is there and cannot be read. It says nothing of any other partition.

    ``replaceable`` tells a file that is damaged or closed, which the next ingestion replaces, from a machine that
    cannot open any file now.
    """

    def __init__(self, path: Path, why: str, *, replaceable: bool = True) -> None:
        self.path, self.why, self.replaceable = path, why, replaceable
        super().__init__(path, why)

    def __str__(self) -> str:
        # a folder is not replaced by the renaming of a file
        if self.path.is_dir():
            advice = "remove it, then materialize this partition of the lake asset again"
        elif self.replaceable:
            advice = (
                "materialize this partition of the lake asset again while its delivery is in the landing folder, "
                "which replaces the file, or restore the file from a backup"
            )
        else:
            advice = "nothing was changed; try again once the machine can open files"
        return encodable(f"{self.path}: cannot be read ({self.why}); {advice}")
