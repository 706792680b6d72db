"""The project: its contracts, its definitions, the key of pseudonyms, and its dbt projects."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from platform_assets.access.access_file import AccessError
from platform_assets.alerts.notices import ChannelError
from platform_assets.contracts.model import Contract
from platform_assets.contracts.problems import ContractError
from platform_assets.dbt.project import DbtProjectFiles, projects_seen
from platform_assets.doctor.findings import Finding, good, one_line, warning, wrong
from platform_assets.environment import WAREHOUSE_VARIABLE, scheme_of
from platform_assets.ingestion.protection import KEY_VARIABLE, SHORTEST_KEY
from platform_assets.sql.contract_file import read_document
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.wording import counted


def look_at_contracts(files: list[Path], variables: Mapping[str, str]) -> Iterator[Finding]:
    """Whether each contract can be read, and the secret is there that some of them need."""
    contracts: list[Contract] = []
    for file in files:
        try:
            contracts += read_document(file).contracts
        except ContractError as error:
            yield wrong(one_line(str(error)), "correct the contract: platform-assets contract check shows the lines")
    for each in contracts:
        for problem in each.undecided:
            yield warning(one_line(str(problem)), "give the column a protection, or say none")
    hashing = [each.name for each in contracts if each.hashes_values]
    key = variables.get(KEY_VARIABLE, "").encode()
    if hashing and len(key) < SHORTEST_KEY:
        has = f"holds {len(key)} bytes" if key else "is not set"
        yield wrong(
            f"{KEY_VARIABLE} {has}, and {hashing[0]} has columns that are hashed with it",
            f"put a secret of at least {SHORTEST_KEY} bytes there, always the same: openssl rand -hex 32",
        )
    yield good(f"{counted(len(contracts), 'contract')} read")


def look_at_definitions(load: Callable[[], tuple[int, Mapping[str, str]]]) -> Iterator[Finding]:
    """Whether the code location loads; ``load`` gives the number of its assets, and of feeds that are left out why."""
    assets, broken = load()
    for feed, why in broken.items():
        yield wrong(f"the feed {feed} is left out: {one_line(why)}", "correct it: `dg check defs` names every mistake")
    yield good(f"{counted(assets, 'asset')} loaded")


def look_at_access(read: Callable[[], int]) -> Iterator[Finding]:
    """Whether the access file can be read; ``read`` gives the number of its roles."""
    try:
        roles = read()
    except AccessError as error:
        yield wrong(one_line(str(error)), "correct access.yaml: platform-assets warehouse plan names every mistake")
        return
    yield good(f"{counted(roles, 'role')} in access.yaml")


def look_at_channels(making: Mapping[str, Callable[[], object]]) -> Iterator[Finding]:
    """Whether each channel of alerts can be made: its variables are set, and its package is installed."""
    for name, make in making.items():
        try:
            make()
        except ChannelError as error:
            yield wrong(
                one_line(str(error)), f"set what it names, then try it: platform-assets alerts test --channel {name}"
            )
    yield good(f"{counted(len(making), 'channel')} of alerts")


def look_at_dbt(warehouse: str) -> Iterator[Finding]:
    """Whether the dbt projects of the definitions that were loaded parse, and reach the ``warehouse``."""
    for files, environment in projects_seen():
        # dbt prints its errors besides raising them
        with redirect_stdout(io.StringIO()):
            files.parsed(environment)
            found = [*_look_at_profile(files), *_look_at_connection(files, warehouse)]
        yield from found


def _look_at_profile(files: DbtProjectFiles) -> Iterator[Finding]:
    profile = files.profiles_dir / "profiles.yml"
    if profile.exists() and WAREHOUSE_VARIABLE not in profile.read_text(encoding="utf-8"):
        yield warning(
            f"{profile} does not read {WAREHOUSE_VARIABLE}: dbt may write to another warehouse than the platform",
            f"let the profile read {WAREHOUSE_VARIABLE} with env_var",
        )


def _look_at_connection(files: DbtProjectFiles, warehouse: str) -> Iterator[Finding]:
    if not scheme_of(warehouse) and not Path(warehouse).exists():
        yield good(f"{files.project_dir}: parses")
        return
    from platform_assets.dbt.runner import run_dbt

    said: list[str] = []

    def note(event: Any) -> None:
        if event.info.name in ("DebugCmdOut", "DebugCmdResult", "MainEncounteredError"):
            said.append(event.info.msg)

    target = ["--target", files.target] if files.target else []
    folders = ["--project-dir", str(files.project_dir), "--profiles-dir", str(files.profiles_dir)]
    quietly = ["--quiet", "--no-send-anonymous-usage-stats", "--no-use-colors"]
    command = [*quietly, "debug", "--connection", *folders, *target]
    result = run_dbt(command, environment=open_warehouse(warehouse).tool_variables(), callbacks=[note])
    if result.success:
        yield good(f"{files.project_dir}: parses, and its profile reaches the warehouse")
        return
    why = next(
        (text for text in reversed(said) if "rror" in text or "ERROR" in text), str(result.exception or said[-1:])
    )
    yield wrong(
        f"{files.project_dir}: dbt cannot use its profile: {one_line(why)}",
        f"see it in full: dbt debug --project-dir {os.path.relpath(files.project_dir)} "
        f"--profiles-dir {os.path.relpath(files.profiles_dir)}",
    )
