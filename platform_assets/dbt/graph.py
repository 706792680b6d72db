"""What a manifest says of the models that are to be built: their order, their parents and their tests. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from platform_assets.failures import Failure
from platform_assets.warehouse.protocol import TableName

BUILT = ("model", "seed", "snapshot")
READ = (*BUILT, "source")


@dataclass(frozen=True)
class TestNode:
    """A data test or a unit test; ``models`` are those it speaks of, ``blocks`` whether its failure holds them.

    A test ``on_sources`` alone speaks of the models that read them, one on an ephemeral model of those that contain it.
    One that ``stores_failures`` has a table or view of its failing rows.
    """

    unique_id: str
    name: str
    models: tuple[str, ...]
    blocks: bool
    is_unit_test: bool
    on_sources: bool = False
    description: str = ""
    stores_failures: bool = False


@dataclass(frozen=True)
class ModelGraph:
    """The models of one step, parents first, with what is upstream of each and what tests it."""

    order: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]]
    tests: tuple[TestNode, ...]

    def limited_to(self, models: Collection[str]) -> ModelGraph:
        """The part of the graph for some of its models, with every test that speaks of one of them."""
        order = tuple(model for model in self.order if model in models)
        tests = tuple(
            replace(test, models=tuple(model for model in test.models if model in models))
            for test in self.tests
            if set(test.models) & set(order)
        )
        return ModelGraph(order, {model: self.parents[model] for model in order}, tests)

    def blocked_with(self, blocked: Mapping[str, Mapping[str, Failure]]) -> dict[str, dict[str, Failure]]:
        """Close blocked partitions over the children: ``blocked`` and the result are model -> partition -> failure.

        Partitions of different models are taken to mean the same if their keys are equal: all models of one step
        share their partitions.
        """
        closed: dict[str, dict[str, Failure]] = {}
        for model in self.order:
            failures = dict(blocked.get(model, {}))
            for parent in self.parents[model]:
                for partition, failure in closed.get(parent, {}).items():
                    if not failure.message.startswith("upstream "):
                        failure = replace(failure, message=f"upstream {_short(parent)}: {failure.message}")
                    failures.setdefault(partition, failure)
            closed[model] = failures
        return closed


def is_model(unique_id: str) -> bool:
    """Whether the node is a model, and no seed or snapshot."""
    return unique_id.startswith("model.")


def table_of_node(node: Mapping[str, Any]) -> TableName:
    """The table or view of a model or source, by its part of the manifest."""
    return TableName(node["schema"], node.get("identifier") or node.get("alias") or node["name"])


def model_graph(manifest: Mapping[str, Any], selected: Iterable[str]) -> ModelGraph:
    """The graph of the ``selected`` unique ids; ephemeral models are read through to their parents."""
    wanted = set(selected)
    parents = {model: tuple(sorted(_parents(manifest, model))) for model in wanted}
    return ModelGraph(_topological(wanted, parents), parents, tuple(_tests(manifest, wanted)))


def _parents(manifest: Mapping[str, Any], unique_id: str) -> set[str]:
    made_of = _made_of(manifest, unique_id)
    parents = {parent for node in made_of for parent in manifest["parent_map"].get(node, [])} - made_of
    nodes = {parent: manifest["nodes"].get(parent) or manifest["sources"].get(parent) for parent in parents}
    return {parent for parent, node in nodes.items() if node is not None and node["resource_type"] in READ}


def _made_of(manifest: Mapping[str, Any], unique_id: str) -> set[str]:
    """The node and the ephemeral models whose SQL becomes a part of its own."""
    found, ahead = {unique_id}, [unique_id]
    while ahead:
        for parent in manifest["parent_map"].get(ahead.pop(), []):
            config = manifest["nodes"].get(parent, {}).get("config", {})
            if config.get("materialized") == "ephemeral" and parent not in found:
                found.add(parent)
                ahead.append(parent)
    return found


def _topological(models: set[str], parents: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    from graphlib import TopologicalSorter

    sorter = TopologicalSorter({model: [p for p in parents[model] if p in models] for model in sorted(models)})
    return tuple(sorter.static_order())


def _containing(manifest: Mapping[str, Any], models: set[str]) -> dict[str, list[str]]:
    """Each of the models and of the ephemeral models that they are made of, with the models that contain it."""
    found: dict[str, list[str]] = {}
    for model in sorted(models):
        for node in _made_of(manifest, model):
            found.setdefault(node, []).append(model)
    return found


def _tests(manifest: Mapping[str, Any], models: set[str]) -> Iterable[TestNode]:
    containing = _containing(manifest, models)
    for unique_id, node in sorted(manifest["nodes"].items()):
        if node["resource_type"] != "test":
            continue
        attached, parents = node.get("attached_node"), manifest["parent_map"].get(unique_id, [])
        on_sources = bool(parents) and all(parent in manifest["sources"] for parent in parents)
        if on_sources:
            about = tuple(m for m in sorted(models) if set(parents) & set(manifest["parent_map"].get(m, [])))
        else:
            subjects = [attached] if attached else parents
            about = tuple(dict.fromkeys(model for subject in subjects for model in containing.get(subject, ())))
        if about:
            blocks = (node["config"].get("severity") or "error").lower() == "error"
            text = node.get("description") or node["config"].get("meta", {}).get("description", "")
            stores = bool(node["config"].get("store_failures"))
            yield TestNode(unique_id, node["name"], about, blocks, False, on_sources, text, stores)
    for unique_id, node in sorted(manifest.get("unit_tests", {}).items()):
        tested = [p for p in node["depends_on"]["nodes"] if manifest["nodes"].get(p, {}).get("name") == node["model"]]
        about = tuple(model for subject in tested for model in containing.get(subject, ()))
        if about:
            text = node.get("description", "")
            yield TestNode(unique_id, node["name"], about, blocks=True, is_unit_test=True, description=text)


def _short(unique_id: str) -> str:
    return unique_id.rsplit(".", 1)[-1]
