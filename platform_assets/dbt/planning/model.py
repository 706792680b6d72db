"""What a plan says: changes of nodes, what they reach downstream, and changes of gates. Plain values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Category(StrEnum):
    """What a change means for readers: rows or columns may differ, there are only new columns, or nothing differs."""

    BREAKING = "breaking"
    ADDITIVE = "additive"
    NONE = "none"


@dataclass(frozen=True)
class NodeChange:
    """What changed of one model, seed, snapshot or source.

    ``what`` is changed, new or removed. ``rows`` are the reasons why every row and column may differ, ``table`` those
    why whoever names the table must look, ``columns`` what became of single columns, by name in lower case. ``gone``
    are columns that are not there any more, ``added`` those that are new. ``notes`` mean nothing for readers. With
    ``by_parents`` the node itself is as before: it selects all columns of a parent that changed.
    """

    unique_id: str
    kind: str
    path: str
    what: str = "changed"
    rows: tuple[str, ...] = ()
    table: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    by_parents: bool = False

    @property
    def name(self) -> str:
        return short_name(self.unique_id)

    @property
    def category(self) -> Category:
        if self.what == "removed" or self.rows or self.table or set(self.columns) - self.added:
            return Category.BREAKING
        return Category.ADDITIVE if self.added or self.what == "new" else Category.NONE

    @property
    def is_said(self) -> bool:
        """Whether there is anything to say of it."""
        return self.category is not Category.NONE or bool(self.notes)


@dataclass(frozen=True)
class Affected:
    """A node or published table downstream. ``columns`` are those that may differ, None for all of them.

    ``through`` are the parents that bring it about; ``missing`` are columns that it reads and that are gone.
    """

    unique_id: str
    kind: str
    category: Category
    columns: tuple[str, ...] | None
    through: tuple[str, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.unique_id if self.kind == "published table" else short_name(self.unique_id)


@dataclass(frozen=True)
class GateChange:
    """A test or a contract that was added, removed or changed, and the nodes that it is about."""

    name: str
    what: str
    about: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True)
class Differences:
    """What differs between two states of a project."""

    changes: tuple[NodeChange, ...]
    affected: tuple[Affected, ...]
    gates: tuple[GateChange, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_breaking(self) -> bool:
        return any(each.category is Category.BREAKING for each in self.changes)


def short_name(unique_id: str) -> str:
    """The name of a node as people write it; that of a source with its schema's name before it."""
    return ".".join(unique_id.split(".")[2:]) or unique_id
