"""What dbt knows of that reads its models and has no table, as assets that nothing materializes.

These are exposures, semantic models and metrics.

One belongs to the component that has the first of the models it reads, so that two components of one project never
define it twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import dagster as dg

PARTS = ("exposures", "semantic_models", "metrics")
"""Parts of the manifest; each is the first part of the keys of its assets."""
FIELDS = ("entities", "dimensions", "measures")
"""What a semantic model names."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_THROUGH = ("semantic_models", "metrics")
"""Parts of the manifest whose nodes lead to the models that they are made of."""


def reader_specs(
    manifest: Mapping[str, Any], selected: Collection[str], key_of: Callable[[str], dg.AssetKey], group: str | None
) -> list[dg.AssetSpec]:
    """What reads the ``selected`` models (unique ids), each with its owner and its URL."""
    found = []
    for part in PARTS:
        for _, node in sorted(manifest.get(part, {}).items()):
            models = sorted(_models(manifest, node))
            if not models or models[0] not in selected:
                continue
            found.append(_spec(node, dg.AssetKey([part, node["name"]]), [key_of(model) for model in models], group))
    return found


def _models(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    seen: set[str] = set()
    ahead = [*node.get("depends_on", {}).get("nodes", [])]
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        inner = next((manifest[part][name] for part in _THROUGH if name in manifest.get(part, {})), None)
        if inner is not None:
            ahead += inner.get("depends_on", {}).get("nodes", [])
        elif name in manifest["nodes"]:
            found.add(name)
    return found


def _spec(node: Mapping[str, Any], key: dg.AssetKey, deps: list[dg.AssetKey], group: str | None) -> dg.AssetSpec:
    emails = [address for address in _addresses(node.get("owner") or {}) if _EMAIL.fullmatch(address)]
    return dg.AssetSpec(
        key=key,
        deps=deps,
        description=_description(node),
        owners=emails,
        group_name=group,
        kinds={"dbt", node["type"] if node["resource_type"] == "exposure" else node["resource_type"]},
        metadata={
            **({"url": dg.MetadataValue.url(node["url"])} if node.get("url") else {}),
            **({"maturity": node["maturity"]} if node.get("maturity") else {}),
            **{field: ", ".join(each["name"] for each in node[field]) for field in FIELDS if node.get(field)},
        },
    )


def _description(node: Mapping[str, Any]) -> str:
    owner = (node.get("owner") or {}).get("name")
    lines = [node.get("label") or "", node.get("description") or "", f"Owner: {owner}" if owner else ""]
    return "\n\n".join(line for line in lines if line)


def _addresses(owner: Mapping[str, Any]) -> Iterator[str]:
    email = owner.get("email") or []
    yield from [email] if isinstance(email, str) else email
