"""Whether a process of this machine has a file open for writing."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from pathlib import Path


def is_open_for_writing(path: Path) -> bool | None:
    """Whether some process has the file open for writing; None if the system does not tell this process.

    The kernel grants a lease for reading on a file that nobody has open for writing. It is given back at once. It takes
    the file's owner, or the capability CAP_LEASE, and a file system of this machine.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # who opens the file while the lease is held has a signal sent to this process, by default one that ends it
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (OSError, AttributeError) as error:
        return True if isinstance(error, OSError) and error.errno == errno.EAGAIN else None
    finally:
        os.close(descriptor)
    return False
