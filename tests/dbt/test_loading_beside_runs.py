"""Definitions are loaded beside dbt runs that change the project and are killed: each load sees one whole state."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dbt.changer import MODELS, write_version
from tests.support.campaigns import REPEATS
from tests.support.projects import Project

LOADS = 50 * REPEATS
"""1,000 with PLATFORM_CAMPAIGN=20."""
RUNS = max(6, 50 * REPEATS // 20)


@pytest.mark.slow
@pytest.mark.timeout(600 + 200 * REPEATS)
def test_definitions_load_beside_runs_that_change_the_project(shop: Project) -> None:
    generator = random.Random(20131231)
    project = shop.root / "dbt"
    for model in MODELS:
        (project / "models" / f"{model}.sql").write_text("select 1 as one")
    write_version(project, "none")
    models = shop.root / "somebody/defs/models/defs.yaml"
    models.write_text(models.read_text() + "  exclude: first second\n")
    plain = shop.root / "somebody/defs/plain/defs.yaml"
    plain.parent.mkdir()
    plain.write_text(
        "type: platform_assets.DbtModels\nattributes:\n"
        '  project: "{{ context.project_root }}/dbt"\n  select: first second\n'
    )
    writers: dict[str, subprocess.Popen[str]] = {}
    started = loads = runs = kills = 0
    seen: set[str] = set()
    try:
        while loads < LOADS or runs < RUNS:
            while len(writers) < 2:
                started += 1
                writers[f"w{started}"] = start(project, f"w{started}")
            seen.add(version_loaded(shop))
            loads += 1
            if loads % 10 == 0:
                name = generator.choice(sorted(writers))
                writers[name].kill()
                runs += len(lines_of(writers.pop(name)))
                kills += 1
    finally:
        for writer in writers.values():
            writer.kill()
            runs += len(lines_of(writer))
    assert len(seen) > 1, "no load saw a change: nothing was shown"
    assert runs >= RUNS
    assert kills >= LOADS // 10


def start(project: Path, name: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.dbt.changer", str(project), name]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines_of(writer: subprocess.Popen[str]) -> list[str]:
    """The runs that it finished; it ended by the kill and by nothing else."""
    output, errors = writer.communicate()
    assert writer.returncode == -9, errors
    return output.splitlines()


def version_loaded(shop: Project) -> str:
    """The version that all of the project's definitions agree on."""
    definitions = Project(shop.root, shop.instance).definitions
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    assert {"raw/orders", "cleaned", "totals", "apart", "published/totals", *MODELS} <= specs.keys()
    (version,) = {(specs[model].description or "").split("version ")[1].split()[0] for model in MODELS}
    return version
