"""The machine and what is installed on it: limits, and packages whose versions have to go together."""

from __future__ import annotations

import difflib
import os
import resource
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from platform_assets.announced import CHECKS, FORMATS, NOTIFIERS, announced
from platform_assets.doctor.findings import Finding, good, one_line, warning, wrong

LEAST_FILES = 256
PAIRS = (("sqlglot", "sqlglotc"), ("dagster", "dagster-webserver"))
"""Packages that work in one version only, if both are there."""
_WORDS = (
    "DAGSTER_URL", "DOMAIN_IN_KEYS", "ENV", "EXECUTOR", "FAILPOINTS", "HOME", "INGESTION_MEMORY", "INGESTION_THREADS",
    "INGESTION_WORKERS", "INTERVAL_SECONDS", "LAKE", "LANDING", "LANDING_EVENTS", "LOG_LEVEL", "PARTITIONS_PER_LOAD",
    "PARTITIONS_PER_RUN", "PERSONAL_DATA", "POOL", "PSEUDONYM_KEY", "QUARANTINE", "QUARANTINE_DAYS", "QUERY_TAG",
    "SETTLE_SECONDS", "SFTP_KEY", "SFTP_KEY_PASSPHRASE", "SFTP_KNOWN_HOSTS", "SFTP_PASSWORD", "SNAPSHOT_DAYS",
    "SNOWFLAKE_STAGE", "SNOWFLAKE_STATEMENT_TIMEOUT", "SNOWFLAKE_WAREHOUSES", "UI_URL", "USER", "WAREHOUSE",
    "WAREHOUSE_MEMORY", "WAREHOUSE_WAIT_SECONDS",
)  # fmt: skip
VARIABLES = frozenset(f"PLATFORM_{word}" for word in _WORDS)
"""The variables that the platform reads."""


def look_at_variables(variables: Mapping[str, str]) -> Iterator[Finding]:
    """Names that begin like the platform's and are none of them."""
    given = sorted(name for name in variables if name.startswith("PLATFORM_"))
    for name in given:
        if name not in VARIABLES:
            close = difflib.get_close_matches(name, VARIABLES, n=1)
            meant = f"rename it to {close[0]}" if close else "unset it"
            yield warning(f"{name} is set, and nothing reads it", meant)
    known = [name for name in given if name in VARIABLES]
    yield good(f"set: {', '.join(known)}" if known else "no variable of the platform is set: defaults are used")


def look_at_machine() -> Iterator[Finding]:
    """Limits and versions."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < LEAST_FILES:
        yield warning(f"a process may open {files} files", f"raise it: ulimit -n {4 * LEAST_FILES}")
    for one, other in PAIRS:
        first, second = _version(one), _version(other)
        if first and second and first != second:
            yield wrong(f"{one} is {first} and {other} is {second}", f"pip install {other}=={first}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield good(f"platform-assets {_version('platform-assets')}, {cores} cores, {files} open files")


def look_at_announced() -> Iterator[Finding]:
    """Whether what other packages announce can be imported."""
    for group in (FORMATS, CHECKS, NOTIFIERS):
        for name, entry in sorted(announced(group).items()):
            try:
                entry.load()
            except Exception as error:
                yield wrong(
                    f"{entry.value}, announced as {name!r} in {group}, cannot be imported: {one_line(str(error))}",
                    "mend or uninstall the package that announces it",
                )
            else:
                yield good(f"{name} ({group.rpartition('.')[2]}) can be imported")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
