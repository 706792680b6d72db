"""dbt's manifest as an object: a fresh one for each command, since dbt writes what it compiles into it."""

from __future__ import annotations

from typing import Any

from platform_assets.dbt.parsed import ParsedProject

_kept: dict[str, Any] = {}
"""Manifests that no command has used yet, by the identity of their parse."""


def fresh_manifest(parsed: ParsedProject) -> Any:
    """A manifest that no command has used."""
    return _kept.pop(parsed.identity, None) or _read(parsed)


def keep_one(parsed: ParsedProject) -> Any:
    """Have one ready for the next command of this process, and for the first one of each fork of it; returns it."""
    if parsed.identity not in _kept:
        _kept[parsed.identity] = _read(parsed)
    return _kept[parsed.identity]


def _read(parsed: ParsedProject) -> Any:
    from dbt.contracts.graph.manifest import Manifest

    manifest = Manifest.from_msgpack(parsed.msgpack)
    manifest.build_flat_graph()
    return manifest
