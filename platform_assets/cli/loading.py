"""The definitions of the dg project that a command runs in, or one line that says why they cannot be loaded."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import click
import dagster as dg
import pydantic

from platform_assets.cli.project import project_of

PROBLEMS = 3
"""How many mistakes of one file are named."""


def load_definitions(folder: Path) -> dg.Definitions:
    """The definitions of the dg project that ``folder`` lies in.

    Raises click.ClickException if there is no project, or its definitions cannot be loaded.
    """
    project = project_of(folder)
    if project is None:
        raise click.ClickException(
            f"{folder} lies in no dg project: neither it nor a folder above has a pyproject.toml with root_module in "
            f"[tool.dg.project]"
        )
    project.importable()
    target = project.definitions_module
    try:
        found = getattr(importlib.import_module(target), "defs", None)
        loaded = found() if callable(found) else found
    except Exception as error:
        raise click.ClickException(f"{target} cannot be loaded: {reason(error)}") from error
    if not isinstance(loaded, dg.Definitions):
        raise click.ClickException(f"{target}: `defs` is not there, or no dagster.Definitions")
    return loaded


def reason(error: BaseException) -> str:
    """Where and what the mistake is, of an error that Dagster has wrapped in others while it loaded components."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None and inner not in chain:
        chain.append(inner)
    texts = [str(link) for link in chain]
    place = next((found[0] for text in reversed(texts) if (found := re.search(r"\S+\.yaml(:\d+)?", text))), "")
    where = f"{place}: " if place else ""
    mistakes = next((link.errors() for link in reversed(chain) if isinstance(link, pydantic.ValidationError)), None)
    if mistakes is None:
        first = texts[-1].strip().splitlines()[0] if texts[-1].strip() else type(chain[-1]).__name__
        return f"{first if place and place in first else where + first}; `dg check yaml` checks every file"
    # of words that have a `type`, such as partitions, every type has its mistakes: those of the one that is meant count
    others = {mistake["loc"][:-1] for mistake in mistakes if mistake["loc"] and mistake["loc"][-1] == "type"}
    meant = [mistake for mistake in mistakes if mistake["loc"][:-1] not in others and mistake["loc"][-1:] != ("str",)]
    mistakes = meant or mistakes
    named = [f"{_word(mistake['loc'])}: {mistake['msg']}" for mistake in mistakes[:PROBLEMS]]
    more = f" and {len(mistakes) - PROBLEMS} more" if len(mistakes) > PROBLEMS else ""
    return f"{where}{'; '.join(named)}{more}; `dg check yaml` shows the lines"


def _word(location: tuple[int | str, ...]) -> str:
    """The word of the YAML, such as ``partitions.keys``, without the classes that Dagster tried it with."""
    return ".".join(str(part) for part in location if not str(part).endswith("Model"))
