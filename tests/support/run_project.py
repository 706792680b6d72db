"""A run of a project in a process of its own, to be interrupted or to meet a full disk.

``python -m tests.support.run_project ROOT SELECT FIRST LAST [LIMIT]``; no file may grow past LIMIT bytes. The exit code
is 0 when the run succeeded, 1 when it failed.
"""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path

import dagster as dg

from tests.support.projects import Project, quick_instance


def main(root: str, select: str, first: str, last: str, limit: str = "") -> None:
    folder = Path(root)
    sys.path.insert(0, root)
    # as in a run worker: a terminated run is interrupted
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    with dg.instance_for_test(temp_dir=str(folder / "dagster"), overrides=quick_instance(folder)) as instance:
        project = Project(folder, instance)
        assert project.definitions is not None
        if limit:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
        success = project.run(select, first, last).success
    sys.exit(0 if success else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
