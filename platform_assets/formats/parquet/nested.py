"""SQL over nested values of DuckDB: whether every value inside can be taken, and the values with some converted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from platform_assets.failures import Kind, PlatformError
from platform_assets.formats.parquet.types import Reading
from platform_assets.sql.identifiers import quoted


class ShapeFault(PlatformError):
    """DuckDB's type and the file's schema are not of one shape."""

    kind = Kind.REJECTED
    code = "parquet:shape"


@dataclass(frozen=True)
class Shape:
    """A type of DuckDB, ``id`` as its Python module names it, with the reading of each stored column in its place."""

    id: str
    children: tuple[tuple[str, Shape], ...] = ()
    reading: Reading | None = None

    def converts(self) -> bool:
        """Whether some value inside is another one than DuckDB reads."""
        if self.reading is not None:
            return self.reading.convert is not None
        return any(child.converts() for _, child in self.children)

    def changes(self) -> bool:
        """Whether some value inside has to be converted or left out; keys and values of a map stay."""
        if self.reading is not None:
            return self.reading.convert is not None or self.reading.fragile
        return self.id != "map" and any(child.changes() for _, child in self.children)


def shape_of(kind: Any, readings: Iterator[Reading]) -> Shape:
    """The shape of ``kind``; readings are taken in the order of the stored columns."""
    if kind.id in ("struct", "list", "map"):
        children = kind.children
        shape = Shape(kind.id, tuple((name, shape_of(child, readings)) for name, child in children))
        if shape.id == "map" and shape.converts():
            raise ShapeFault("a map with times that have to be converted")
        return shape
    if kind.id in ("variant", "union", "array"):
        raise ShapeFault(f"of DuckDB's type {kind.id}")
    found = next(readings, None)
    if found is None:
        raise ShapeFault("with fewer stored columns than fields")
    return Shape("leaf", reading=found)


def guard(shape: Shape, x: str, depth: int = 0) -> str:
    """SQL that is true when every value inside can be taken; empty when every one can."""
    if shape.reading is not None:
        return f"coalesce({shape.reading.guard(x)}, true)" if shape.reading.guard is not None else ""
    if shape.id == "struct":
        return " AND ".join(
            filter(None, (guard(child, f"{x}.{quoted(name)}", depth) for name, child in shape.children))
        )
    lists = [x] if shape.id == "list" else [f"map_keys({x})", f"map_values({x})"]
    item = f"e{depth}"
    inside = [(each, guard(child, item, depth + 1)) for each, (_, child) in zip(lists, shape.children, strict=True)]
    return " AND ".join(
        f"coalesce(list_bool_and(list_transform({each}, lambda {item}: {inner})), true)"
        for each, inner in inside
        if inner
    )


def converted(shape: Shape, x: str, depth: int = 0) -> str:
    """SQL for the value in which what has to be converted is, and what no text can be made of is null.

    DuckDB makes the text of all lists of a block, those of rows that are not asked for among them.
    """
    if not shape.changes():
        return x
    if shape.reading is not None:
        value = shape.reading.convert(x) if shape.reading.convert is not None else x
        return f"CASE WHEN {shape.reading.guard(x)} THEN {value} END" if shape.reading.guard is not None else value
    if shape.id == "struct":
        fields = ", ".join(
            f"{quoted(name)} := {converted(child, f'{x}.{quoted(name)}', depth)}" for name, child in shape.children
        )
        return f"CASE WHEN {x} IS NOT NULL THEN struct_pack({fields}) END"
    item = f"e{depth}"
    return f"list_transform({x}, lambda {item}: {converted(shape.children[0][1], item, depth + 1)})"
