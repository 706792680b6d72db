"""Why a whole delivery is refused, and why an ingestion could not be carried out."""

from __future__ import annotations

from pathlib import Path

from platform_assets.failures import Kind, PlatformError
from platform_assets.lake.names import encodable

NOT_DELIVERED = frozenset({"missing", "file:missing", "file:changed"})
"""Codes of deliveries that are not there, or not complete: the sender may still deliver them."""


class DeliveryRejected(PlatformError):
    """The delivery cannot be used as it is; the last good version of the partition stays.

    ``code`` says what is wrong, such as ``compression:truncated``; ``message`` names the file and what to do.
    """

    def __init__(self, code: str, message: str, *, feed: str = "", partition: str = "") -> None:
        message = encodable(message)
        self.kind = kind_of_rejection(code)
        self.feed, self.partition, self.code, self.message = feed, partition, code, message
        super().__init__(feed, partition, code, message)

    def __str__(self) -> str:
        return f"{self.feed} {self.partition}: delivery rejected ({self.code}): {self.message}"

    def of(self, feed: str, partition: str) -> DeliveryRejected:
        """The same rejection, as one of a partition."""
        return DeliveryRejected(self.code, self.message, feed=feed, partition=partition)


def kind_of_rejection(code: str) -> Kind:
    """The kind of failure that the code of a rejection stands for."""
    return Kind.NOT_DELIVERED if code in NOT_DELIVERED else Kind.REJECTED


class IngestionError(PlatformError):
    """The delivery was not validated: the disk is full, memory ran out, the lake cannot be written."""

    kind = Kind.INFRASTRUCTURE
    code = "ingestion"

    def __init__(self, *arguments: object, code: str = "", kind: Kind = Kind.INFRASTRUCTURE) -> None:
        super().__init__(*arguments)
        self.code, self.kind = code or self.code, kind

    def __str__(self) -> str:
        return encodable(super().__str__())


class PartitionLocked(IngestionError):
    """Another process kept a partition of the lake for longer than this one was willing to wait."""

    has_waited = True

    def __init__(self, message: str) -> None:
        super().__init__(message, code="lock", kind=Kind.TIMEOUT)


class DataUnreadable(IngestionError):
    """A Parquet file of the lake is damaged; ``place`` is its path or URL."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(place, why, code="lake_files")
        self.place, self.why = place, why

    def __str__(self) -> str:
        return encodable(
            f"{self.place}: is damaged ({self.why}); restore it from a backup, or remove it and materialize the "
            "partition in the lake again while its delivery is in the landing folder"
        )


class RecordUnreadable(IngestionError):
    """A manifest or a rejection is there and cannot be read. It says nothing of any other partition.

    ``replaceable`` tells a file that is damaged or closed, which the next ingestion replaces, from a machine that
    cannot open any file now.
    """

    def __init__(self, path: Path | str, why: str, *, replaceable: bool = True) -> None:
        self.path, self.why, self.replaceable = path, why, replaceable
        super().__init__(path, why, code="record_unreadable")

    def __str__(self) -> str:
        # a folder is not replaced by the renaming of a file
        if isinstance(self.path, Path) and self.path.is_dir():
            advice = "remove it, then materialize this partition of the lake asset again"
        elif self.replaceable:
            advice = (
                "materialize this partition of the lake asset again while its delivery is in the landing folder, "
                "which replaces the file, or restore the file from a backup"
            )
        else:
            advice = "nothing was changed; try again once the machine can open files"
        return encodable(f"{self.path}: cannot be read ({self.why}); {advice}")


class RecordTooNew(RecordUnreadable):
    """A record that a later version of the platform wrote. It stays as it is, and its partition waits."""

    def __init__(self, path: Path | str, found: int, known: int) -> None:
        super().__init__(path, f"it has format {found}, and this version reads up to {known}", replaceable=False)
        self.code, self.kind = "record_too_new", Kind.MISCONFIGURED

    def __str__(self) -> str:
        return encodable(
            f"{self.path}: was written by a later version of platform-assets ({self.why}); upgrade this installation. "
            "Nothing was changed"
        )
