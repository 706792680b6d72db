"""How much of a machine the platform's work may take, and how its steps share it: a deployment's choice.

Nothing of it changes what is built, nor does how long a file is waited for. Each setting has a name, a variable of the
environment, and values that are allowed; any other value raises :class:`InvalidEnvironment`, which names all three.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from platform_assets.failures import Kind, PlatformError


class InvalidEnvironment(PlatformError, ValueError):
    """An environment variable holds what the platform cannot use; the message names it and what is allowed."""

    kind = Kind.MISCONFIGURED
    code = "environment"


@dataclass(frozen=True)
class Execution:
    """The settings; docs/operations.md lists them with their variables.

    ``ingestion_workers`` partitions of a step are ingested side by side. They share ``ingestion_threads`` of DuckDB,
    and each has ``ingestion_memory``. ``warehouse_memory`` None is a bound that fits the work. ``pool`` None puts
    steps into no pool. ``partitions_per_load`` None loads or publishes all partitions of a run in one transaction.
    ``settle_seconds``, ``interval_seconds``, ``partitions_per_run`` and ``domain_in_keys`` are those of feeds which do
    not say it themselves.
    ``personal_data`` strict makes a mistake of personal data without a protection.
    """

    executor: str = "in_process"
    pool: str | None = "warehouse"
    ingestion_workers: int = 2
    ingestion_threads: int = 2
    ingestion_memory: str = "1GB"
    warehouse_memory: str | None = None
    warehouse_wait_seconds: float = 600.0
    partitions_per_load: int | None = None
    settle_seconds: float = 30.0
    interval_seconds: int = 30
    partitions_per_run: int = 1_000
    domain_in_keys: bool = False
    personal_data: str = "warn"


@dataclass(frozen=True)
class _Setting:
    variable: str
    read: Callable[[str], Any]
    must_be: str


_MEMORY = re.compile(r"[0-9]+(\.[0-9]+)? ?[KMGT]i?B")


def twice(memory: str) -> str:
    """Twice a size such as 1GB."""
    number = re.split(r"[ KMGT]", memory)[0]
    return f"{2 * float(number):g}{memory[len(number) :]}"


def _executor(text: str) -> str:
    if text not in ("in_process", "multiprocess"):
        raise ValueError(text)
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise ValueError(text)
    return int(text)


def _memory(text: str) -> str:
    if _MEMORY.fullmatch(text) is None or float(re.split(r"[ KMGT]", text)[0]) == 0:
        raise ValueError(text)
    return text


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 86_400:
        raise ValueError(text)
    return seconds


def _pool(text: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9_/]+", text) is None:
        raise ValueError(text)
    return None if text == "none" else text


def _policy(text: str) -> str:
    if text not in ("warn", "strict"):
        raise ValueError(text)
    return text


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_A_COUNT = "a whole number from 1 to 10000"
_A_SIZE = "a size such as 512MB or 4GB"
_SETTINGS = {
    "executor": _Setting("PLATFORM_EXECUTOR", _executor, "in_process or multiprocess"),
    "pool": _Setting("PLATFORM_POOL", _pool, "the name of a pool (letters, digits, _ and /), or none"),
    "ingestion_workers": _Setting("PLATFORM_INGESTION_WORKERS", _count, _A_COUNT),
    "ingestion_threads": _Setting("PLATFORM_INGESTION_THREADS", _count, _A_COUNT),
    "ingestion_memory": _Setting("PLATFORM_INGESTION_MEMORY", _memory, _A_SIZE),
    "warehouse_memory": _Setting("PLATFORM_WAREHOUSE_MEMORY", _memory, _A_SIZE),
    "warehouse_wait_seconds": _Setting("PLATFORM_WAREHOUSE_WAIT_SECONDS", _seconds, "a number of seconds up to 86400"),
    "settle_seconds": _Setting("PLATFORM_SETTLE_SECONDS", _seconds, "a number of seconds up to 86400"),
    "interval_seconds": _Setting("PLATFORM_INTERVAL_SECONDS", _count, _A_COUNT),
    "partitions_per_run": _Setting("PLATFORM_PARTITIONS_PER_RUN", _count, _A_COUNT),
    "domain_in_keys": _Setting("PLATFORM_DOMAIN_IN_KEYS", _truth, "true or false"),
    "personal_data": _Setting("PLATFORM_PERSONAL_DATA", _policy, "warn or strict"),
    "partitions_per_load": _Setting("PLATFORM_PARTITIONS_PER_LOAD", _count, _A_COUNT),
}


def read_execution(variables: Mapping[str, str]) -> Execution:
    """The settings that ``variables`` of the environment hold, the others at their defaults.

    Raises:
        InvalidEnvironment: if one holds a value that is not allowed.
    """
    return _read({name: (s.variable, variables.get(s.variable)) for name, s in _SETTINGS.items()})


def given_execution(**settings: object) -> Execution:
    """The settings that are given by name; None leaves one at its default. Raises as :func:`read_execution` does."""
    return _read({name: (name, None if value is None else str(value)) for name, value in settings.items()})


def _read(found: Mapping[str, tuple[str, str | None]]) -> Execution:
    values = {}
    for name, (called, text) in found.items():
        setting = _SETTINGS[name]
        if text is None:
            continue
        try:
            values[name] = setting.read(text)
        except ValueError:
            raise InvalidEnvironment(f"{called} is {text!r}; it must be {setting.must_be}") from None
    return replace(Execution(), **values)


_chosen: ContextVar[Execution | None] = ContextVar("platform_assets_execution", default=None)


@contextlib.contextmanager
def chosen(execution: Execution) -> Iterator[None]:
    """Definitions that are made in the block are those of ``execution``, whatever the environment says."""
    token = _chosen.set(execution)
    try:
        yield
    finally:
        _chosen.reset(token)


def current_execution() -> Execution:
    """What definitions are made by: what was :func:`chosen`, else what this process's environment says."""
    return _chosen.get() or read_execution(os.environ)
