"""dbt's manifest as an object: a fresh one for each command, since dbt writes what it compiles into it."""

from __future__ import annotations

from typing import Any

from platform_assets.dbt.parsed import ParsedProject

KEPT = 2
"""As many as a step of models needs when nothing fails: one to run them, one to test them."""

_kept: dict[str, list[Any]] = {}
"""Manifests that no command has used yet, by the identity of their parse."""


def fresh_manifest(parsed: ParsedProject) -> Any:
    """A manifest that no command has used."""
    kept = _kept.get(parsed.identity)
    return kept.pop() if kept else _read(parsed)


def keep_some(parsed: ParsedProject) -> Any:
    """Have some ready for the next commands of this process, and for the first ones of each fork; returns one."""
    kept = _kept.setdefault(parsed.identity, [])
    kept += [_read(parsed) for _ in range(KEPT - len(kept))]
    return kept[0]


def _read(parsed: ParsedProject) -> Any:
    from dbt.contracts.graph.manifest import Manifest

    manifest = Manifest.from_msgpack(parsed.msgpack)
    manifest.build_flat_graph()
    return manifest
