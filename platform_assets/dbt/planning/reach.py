"""What is downstream of changes, column by column, down to the tables that people read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from platform_assets.dbt.planning.model import Affected, Category, NodeChange, short_name
from platform_assets.dbt.planning.scopes import EVERY
from platform_assets.dbt.planning.state import ProjectState

ALL = None
"""All columns, and which rows there are."""

Touched = frozenset[str] | None
PUBLISHED = "published table"


def affected_by(
    changes: Sequence[NodeChange], new: ProjectState, published: Mapping[str, Sequence[str]]
) -> list[Affected]:
    """What the ``changes`` reach, parents first; ``published`` are the tables that show a node, by its unique id."""
    own = {each.unique_id: each for each in changes if each.category is not Category.NONE}
    touched: dict[str, Touched] = {each.unique_id: _touched(each) for each in own.values() if each.what == "changed"}
    found: list[Affected] = []
    for unique_id in new.order():
        node = new.nodes[unique_id]
        if node["resource_type"] not in ("model", "snapshot"):
            continue
        each = _reached(unique_id, node["resource_type"], own, touched, new)
        change = own.get(unique_id)
        if change is not None and change.by_parents:
            found.append(_with(change, each, new))
        elif each is not None and (each.missing or not _is_within(each, touched.get(unique_id, frozenset()))):
            found.append(each)
        else:
            continue
        before, more = touched.get(unique_id, frozenset()), found[-1].columns
        added = change.added if change is not None else frozenset()
        touched[unique_id] = ALL if before is ALL or more is ALL else before | (frozenset(more) - added)
    return [*found, *_published(own, found, touched, published)]


def _touched(change: NodeChange) -> Touched:
    """The columns whose values differ, or that are gone; not those that are new."""
    return ALL if change.rows else frozenset(change.columns) - change.added


def _is_within(each: Affected, touched: Touched) -> bool:
    """Whether the node's own change says as much."""
    return touched is ALL or (each.columns is not None and touched >= set(each.columns))


def _with(change: NodeChange, each: Affected | None, new: ProjectState) -> Affected:
    """What reaches a node that selects all columns of a parent: ``each``, and the columns that came and went."""
    through = {short_name(parent) for parent in new.parents(change.unique_id)}
    if each is None:
        each = Affected(change.unique_id, change.kind, change.category, (), tuple(sorted(through)))
    category = Category.BREAKING if Category.BREAKING in (change.category, each.category) else Category.ADDITIVE
    columns = None if change.rows or each.columns is None else tuple(dict.fromkeys([*each.columns, *change.columns]))
    return replace(each, category=category, columns=columns)


def _reached(
    unique_id: str, kind: str, own: Mapping[str, NodeChange], touched: Mapping[str, Touched], new: ProjectState
) -> Affected | None:
    parents = [parent for parent in new.parents(unique_id) if touched.get(parent, frozenset()) != frozenset()]
    more = [parent for parent in new.parents(unique_id) if parent in own and own[parent].added]
    if not parents and not more:
        return None
    shape = new.shape(unique_id)
    if shape is None:
        note = f"its columns cannot be followed: {new.problem(unique_id)}"
        through = tuple(sorted(map(short_name, parents)))
        return Affected(unique_id, kind, Category.BREAKING, None, through, notes=(note,)) if parents else None

    def hits(source: tuple[str, str]) -> bool:
        parent, column = source
        if column == EVERY and parent in more:
            return True
        columns = touched.get(parent, frozenset())
        return parent in touched and (columns is ALL or (column == EVERY and bool(columns)) or column in columns)

    read = {source for column in shape.columns.values() for source in column.sources} | shape.row_sources
    hit = {source for source in read if hits(source)}
    whole = [parent for parent in parents if touched[parent] is ALL and parent in shape.tables]
    if not hit and not whole:
        return None
    all_of_it = bool(whole) or any(source in hit for source in shape.row_sources)
    names = tuple(name for name, column in shape.columns.items() if column.sources & hit)
    gone = {(parent, column) for parent, change in own.items() for column in change.gone}
    return Affected(
        unique_id,
        kind,
        Category.BREAKING if all_of_it or any(parent in touched for parent, _ in hit) else Category.ADDITIVE,
        None if all_of_it or names == (EVERY,) else names,
        tuple(sorted({short_name(parent) for parent in {*whole, *(parent for parent, _ in hit)}})),
        missing=tuple(sorted(f"{short_name(parent)}.{column}" for parent, column in gone & read)),
    )


def _published(
    own: Mapping[str, NodeChange],
    found: Sequence[Affected],
    touched: Mapping[str, Touched],
    published: Mapping[str, Sequence[str]],
) -> list[Affected]:
    """Published tables copy every column of their node, those that are new among them."""
    tables: list[Affected] = []
    reached = {each.unique_id: each for each in found}
    for unique_id, names in published.items():
        change = own.get(unique_id)
        if (change is None and unique_id not in reached) or (change is not None and change.what == "new"):
            continue
        removed = change is not None and change.what == "removed"
        columns = touched.get(unique_id, frozenset())
        more = change.added if change is not None else frozenset[str]()
        if not removed and columns == frozenset() and not more:
            continue  # its table has another name, or its columns another order: the rows are the same
        category = Category.BREAKING if removed or columns != frozenset() else Category.ADDITIVE
        shown = None if removed or columns is None else tuple(sorted(columns | more))
        notes = ("what it shows is removed",) if removed else ()
        through = (short_name(unique_id),)
        tables += [Affected(name, PUBLISHED, category, shown, through, notes=notes) for name in names]
    return tables
