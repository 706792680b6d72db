"""Where the parts of a local instance keep their files: as dagster.yaml says, else where Dagster's own do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._config.config_schema import UserConfigSchema


def base_dir_config() -> UserConfigSchema:
    """The configuration of a part that has a folder: ``base_dir``, which may be left out."""
    return {"base_dir": dg.Field(dg.StringSource, is_required=False)}


def base_dir(config: Mapping[str, Any], part: str, below: str = "") -> str:
    """The folder of ``part``, which is its name in dagster.yaml; ``below`` is its place in DAGSTER_HOME.

    Raises:
        ValueError: if neither the configuration nor the environment names one.
    """
    if config.get("base_dir"):
        return str(config["base_dir"])
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        raise ValueError(f"{part}: config: base_dir is missing, and DAGSTER_HOME is not set")
    return str(Path(home) / below)
