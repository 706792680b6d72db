"""Tests and contracts that differ between two states: they decide what is published, and change no row. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from platform_assets.dbt.planning.model import GateChange, short_name
from platform_assets.dbt.planning.state import ProjectState, plain

_CONFIG = ("severity", "where", "limit", "warn_if", "error_if", "fail_calc", "enabled")


@dataclass(frozen=True)
class _Gate:
    name: str
    about: tuple[str, ...]
    words: Mapping[str, Any]


def changed_gates(old: ProjectState, new: ProjectState) -> list[GateChange]:
    """Every test that was added, removed or changed, and every contract of a model that is there in both states."""
    before, after = dict(_gates(old)), dict(_gates(new))
    found: list[GateChange] = []
    lost = {key: gate for key, gate in before.items() if key not in after}
    for key, gate in after.items():
        if key in before:
            if gate.words != before[key].words:
                found.append(GateChange(gate.name, "changed", gate.about, _difference(before[key].words, gate.words)))
            continue
        # dbt names a generic test by its arguments: one of other arguments is another test
        other = next((name for name, each in lost.items() if _subject(each) == _subject(gate)), None)
        if other is None:
            found.append(GateChange(gate.name, "added", gate.about))
        else:
            detail = _difference(lost.pop(other).words, gate.words)
            found.append(GateChange(gate.name, "changed", gate.about, detail))
    found += [GateChange(gate.name, "removed", gate.about) for gate in lost.values()]
    return [*found, *_contracts(old, new)]


def _subject(gate: _Gate) -> tuple[Any, ...]:
    return gate.about, gate.words.get("test"), gate.words.get("column")


def _gates(state: ProjectState) -> Iterator[tuple[str, _Gate]]:
    for unique_id, node in sorted(state.manifest["nodes"].items()):
        if node["resource_type"] != "test":
            continue
        generic = node.get("test_metadata") or {}
        attached = node.get("attached_node")
        about = [attached] if attached else state.manifest["parent_map"].get(unique_id, [])
        arguments = {k: v for k, v in (generic.get("kwargs") or {}).items() if k not in ("model", "column_name")}
        words = {
            "test": generic.get("name"),
            "column": node.get("column_name"),
            "arguments": arguments,
            "code": "" if generic else plain(node["raw_code"]),
            "macros": state.macros_of(node),
            **{word: node["config"].get(word) for word in _CONFIG},
        }
        column = f" of {node['column_name']}" if node.get("column_name") else ""
        name = f"{generic['name']}{column}" if generic else node["name"]
        yield unique_id, _Gate(name, tuple(sorted(map(short_name, about))), words)
    for unique_id, node in sorted(state.manifest.get("unit_tests", {}).items()):
        words = {word: node.get(word) for word in ("given", "expect", "overrides")}
        yield unique_id, _Gate(f"unit test {node['name']}", (node["model"],), words)


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    texts = []
    for word in sorted({*before, *after}):
        was, now = before.get(word), after.get(word)
        if was == now:
            continue
        if word == "macros":
            names = {name.rsplit(".", 1)[-1] for name, _ in {*(was or {}).items()} ^ {*(now or {}).items()}}
            texts.append(f"macro {', '.join(sorted(names))}")
        elif word in ("code", "given", "expect", "overrides"):
            texts.append(word)
        else:
            texts.append(f"{word}: {json.dumps(was, default=str)} -> {json.dumps(now, default=str)}")
    return "; ".join(texts)


def _contracts(old: ProjectState, new: ProjectState) -> Iterator[GateChange]:
    for unique_id, node in sorted(new.nodes.items()):
        before = old.nodes.get(unique_id)
        if before is None or node["resource_type"] != "model":
            continue
        was, now = _contract(before), _contract(node)
        if was != now:
            what = "added" if was is None else "removed" if now is None else "changed"
            about = (short_name(unique_id),)
            columns = sorted(
                name for name in {*(was or {}), *(now or {})} if (was or {}).get(name) != (now or {}).get(name)
            )
            yield GateChange(
                "contract", what, about, f"constraints of {', '.join(columns)}" if what == "changed" else ""
            )


def _contract(node: Mapping[str, Any]) -> dict[str, Any] | None:
    """The constraints by column of a contract that is enforced; those of the whole table are of the column ''."""
    if not (node["config"].get("contract") or {}).get("enforced"):
        return None
    found = {name: column.get("constraints") or [] for name, column in node["columns"].items()}
    found = {name: constraints for name, constraints in found.items() if constraints}
    return {**found, **({"the table": node["constraints"]} if node.get("constraints") else {})}
