"""Why a whole delivery is refused, and why an ingestion could not be carried out."""

from __future__ import annotations


class DeliveryRejected(Exception):
    """The delivery cannot be used as it is; the last good version of the partition stays.

    ``code`` names the kind, such as ``compression:truncated``; ``message`` names the file and what to do.
    """

    def __init__(self, code: str, message: str, *, feed: str = "", partition: str = "") -> None:
        self.feed, self.partition, self.code, self.message = feed, partition, code, message
        super().__init__(feed, partition, code, message)

    def __str__(self) -> str:
        return f"{self.feed} {self.partition}: delivery rejected ({self.code}): {self.message}"

    def of(self, feed: str, partition: str) -> DeliveryRejected:
        """The same rejection, told for a partition."""
        return DeliveryRejected(self.code, self.message, feed=feed, partition=partition)


class IngestionError(Exception):
    """The delivery was not judged: the disk is full, memory ran out, the lake cannot be written."""
