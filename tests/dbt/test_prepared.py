"""What dbt makes once in a process is made beforehand in a process that forks runs, and by nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shop import write_shop

BEGIN = """
import sys
from pathlib import Path
from tests.support.projects import opened
from tests.support.shop import DAYS, deliver

def templates():
    from dbt_common.clients.jinja import template_cache
    return set(template_cache.file_cache)

def schemas():
    from dbt_common import dataclass_schema
    made, build = [], dataclass_schema.build_json_schema
    dataclass_schema.build_json_schema = lambda kind, **words: made.append(kind) or build(kind, **words)
    return made

with opened(Path(sys.argv[1])) as shop:
    if not sys.argv[2:]:
        shop.definitions  # dbt parses the project in this process
        sys.exit()
    deliver(shop)
    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[1]).success
    assert "dbt.cli.main" not in sys.modules
"""
FORKING = """
    import platform_assets.dbt.prepared
    from platform_assets.dbt.manifests import _kept
    before, made = templates(), schemas()
    (kept,) = _kept.values()
    assert len(kept) == 2, "a manifest to build with and one to test with"
    assert shop.run("key:cleaned or key:totals or key:apart", DAYS[0]).success
    assert templates() == before, [text[:60] for text in templates() - before]
    assert not made, made
    assert len(kept) == 1, "no command finds one that another has used"
    assert shop.run("key:cleaned or key:totals or key:apart", DAYS[1]).success
"""
COLD = """
    assert shop.run("key:apart", DAYS[0]).success
    from platform_assets.dbt.manifests import _kept
    assert "platform_assets.dbt.prepared" in sys.modules, "so that the process that forks runs imports it"
    assert not _kept, "there was nothing left to make"
    assert not any("is_incremental" in text.split("%}")[0] for text in templates())
"""


def run_apart(script: str, root: Path) -> None:
    """In a process of its own, since what is made stays made."""
    write_shop(root)
    # a run's variables are then those that definitions are loaded with, as in a deployment
    environment = {**os.environ, "PLATFORM_HOME": str(root / "data")}
    for words in ([], ["run"]):
        command = [sys.executable, "-c", BEGIN + script, str(root), *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_a_process_that_forks_runs_makes_it_all(tmp_path: Path) -> None:
    run_apart(FORKING, tmp_path)


@pytest.mark.slow
def test_a_run_of_its_own_makes_no_more_than_it_needs(tmp_path: Path) -> None:
    run_apart(COLD, tmp_path)
