"""The manifest read as a graph, and blocked partitions closed over children."""

from platform_assets.dbt.graph import ModelGraph, model_graph
from platform_assets.failures import Failure, Kind


def failure(message: str) -> Failure:
    return Failure(Kind.REJECTED, "test", message)


def graph(order: tuple[str, ...], **parents: tuple[str, ...]) -> ModelGraph:
    return ModelGraph(order, {model: parents.get(model, ()) for model in order}, ())


def test_what_is_blocked_is_blocked_in_every_child_and_in_nothing_else() -> None:
    chain = graph(("a", "b", "c", "side"), b=("a",), c=("b", "raw"))
    blocked = chain.blocked_with({"a": {"1": failure("bad")}, "c": {"2": failure("worse")}})
    assert {model: set(reasons) for model, reasons in blocked.items()} == {
        "a": {"1"}, "b": {"1"}, "c": {"1", "2"}, "side": set(),
    }  # fmt: skip
    told = {partition: found.message for partition, found in blocked["c"].items()}
    assert told == {"1": "upstream a: bad", "2": "worse"}, "the origin is named, however far away"
    assert blocked["c"]["1"].kind is Kind.REJECTED


def test_a_model_between_two_selected_ones_that_is_not_selected_cuts_the_chain() -> None:
    part = graph(("a", "b", "c"), b=("a",), c=("b",)).limited_to({"a", "c"})
    assert part.order == ("a", "c")
    assert part.blocked_with({"a": {"1": failure("bad")}})["c"] == {}, "b is asked for in the ledger instead"


def test_ephemeral_models_are_read_through() -> None:
    def node(name: str, materialized: str) -> dict[str, object]:
        return {"resource_type": "model", "config": {"materialized": materialized}, "name": name}

    manifest = {
        "nodes": {"a": node("a", "table"), "e": node("e", "ephemeral"), "b": node("b", "table")},
        "sources": {"s": {"resource_type": "source"}},
        "parent_map": {"a": ["s"], "e": ["a", "s"], "b": ["e"]},
    }
    found = model_graph(manifest, ["a", "b"])
    assert found.order == ("a", "b")
    assert found.parents == {"a": ("s",), "b": ("a", "s")}
