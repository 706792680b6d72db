"""Which file systems report the changes of this machine only."""

from __future__ import annotations

from pathlib import Path

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "beegfs", "gpfs"}
)


def shared_file_system(folder: Path) -> str | None:
    """The kind of file system of ``folder`` if other machines may write to it; None for one of this machine."""
    import psutil

    place = folder.resolve()
    above = (part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint))
    kind = max(above, key=lambda part: len(part.mountpoint), default=None)
    if kind is None or not (kind.fstype in NETWORK or kind.fstype.startswith("fuse")):
        return None
    return str(kind.fstype)
