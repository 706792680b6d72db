"""Whether a delivery that looks changed holds the bytes that were ingested: a `touch`, a `chmod`, a restored backup.

A file may also be replaced by one of the same size and time, which its time of change alone tells. Both look alike, and
the bytes decide.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

from platform_assets.formats.plain_files import check_version, file_hash
from platform_assets.ingestion.copies import Copies
from platform_assets.lake.deliveries import Delivery
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.manifest import Manifest
from platform_assets.stores.scratch import scratch_folder


@dataclasses.dataclass(frozen=True)
class Ingested:
    """A manifest, and whether it was there already: ``unchanged`` deliveries are not read again."""

    manifest: Manifest
    unchanged: bool = False


def content_hash(contract_digest: str, key_fingerprint: str, files: Sequence[str]) -> str:
    """The hash of an ingestion: of its contract, its pseudonym key, and the bytes of each delivered file in order."""
    return hashlib.sha256("\n".join([contract_digest, key_fingerprint, *files]).encode()).hexdigest()


def looks_unchanged(manifest: Manifest, delivery: Delivery) -> bool:
    """Whether nothing says that the bytes may be others than those that ``manifest`` was made from."""
    same = manifest.delivery_version == delivery.version
    return same and not delivery.was_touched_since(manifest.delivery_files)


def holds_the_same(manifest: Manifest, delivery: Delivery) -> bool:
    """Whether the delivery's files have the names, and byte for byte the content, that ``manifest`` was made from."""
    before, now = sorted(manifest.delivery_files), sorted(delivery.files)
    if not now or [(Path(f.path).name, f.size) for f in before] != [(Path(f.path).name, f.size) for f in now]:
        return False
    try:
        hashes = []
        with scratch_folder() as work, Copies(now, work) as copies:
            for file in map(copies.local, now):
                check_version(file)
                hashes.append(file_hash(file))
                check_version(file)
    except DeliveryRejected:
        return False  # ingesting it says what is wrong
    return content_hash(manifest.contract_digest, manifest.key_fingerprint, hashes) == manifest.content_hash


def renewed(manifest: Manifest, delivery: Delivery) -> Manifest:
    """The same ingestion, as that of the files as they are now."""
    return dataclasses.replace(manifest, delivery_version=delivery.version, delivery_files=delivery.files)
