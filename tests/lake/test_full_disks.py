"""A disk that is full in the middle of an ingestion: nothing is changed, and the next try finds all as it was."""

from __future__ import annotations

import multiprocessing
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.deliveries import Delivery, FileVersion
from platform_assets.lake.errors import IngestionError
from platform_assets.partition_key import PartitionKey
from tests.lake.test_stage_commit_reject import COLUMNS, table, words
from tests.support.lake import Lake


def _fill(contract: Any, lake: Path, file: str, limit: int, queue: Any) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        ingest(
            contract=contract,
            delivery=Delivery("feed", PartitionKey("2013-01-01"), (FileVersion.of(Path(file)),)),
            lake=lake,
            pseudonym_key=None,
        )
    except IngestionError as error:
        queue.put(str(error))
    else:
        queue.put("done")


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 200, 3000, 12_000, 60_000])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_files_that_may_not_grow_change_nothing(
    lake: Any, make_contract: Callable[..., Any], limit: int, packed: bool
) -> None:
    import gzip

    contract = make_contract(COLUMNS)
    lake.ingest(contract, lake.file("a.csv", table("old")))
    text = "n,t\n" + "".join(f"{n}{'.5' if n % 10 == 0 else ''},{random.Random(n).random()}\n" for n in range(9000))
    new = lake.file("b.csv", gzip.compress(text.encode()) if packed else text)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=_fill, args=(contract, lake.path, str(new), limit, queue))
    child.start()
    message = queue.get(timeout=60)
    child.join()
    assert "the disk is full" in message
    assert words(lake) == {"old"}
    lake.ingest(contract, new)
    assert "old" not in words(lake)


def _mounts() -> bool:
    """Whether this process may mount a file system of a given size; RLIMIT_FSIZE above stands in where it may not."""
    return (
        sys.platform == "linux"
        and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize("kilobytes", [16, 64, 160, 280] if _mounts() else [])
def test_a_full_disk_changes_nothing(tmp_path: Path, make_contract: Callable[..., Any], kilobytes: int) -> None:

    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(disk)], capture_output=True, check=True
    )
    try:
        (tmp_path / "landing").mkdir()
        lake = Lake(disk / "lake", tmp_path / "landing")
        contract = make_contract(COLUMNS)
        lake.ingest(contract, lake.file("a.csv", "n,t\n1,old\n"))
        text = "n,t\n" + "".join(
            f"{n}{'.5' if n % 10 == 0 else ''},{random.Random(n).random()}\n" for n in range(20_000)
        )
        with pytest.raises(IngestionError, match="the disk is full"):
            lake.ingest(contract, lake.file("b.csv", text))
        assert words(lake) == {"old"}
        lake.ingest(contract, lake.file("c.csv", "n,t\n1,new\n"))
        assert words(lake) == {"new"}
    finally:
        subprocess.run(["umount", str(disk)], check=True)
