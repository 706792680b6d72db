"""What a changed contract breaks, compared with the one before. Who reads what broke is found elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from platform_assets.contracts.model import BatchRule, Column, Contract, LogicalType, Protection, Reference
from platform_assets.contracts.severity import Severity

WIDER = {
    LogicalType.INTEGER: {LogicalType.NUMBER},
    LogicalType.DATE: {LogicalType.TIMESTAMP},
}


LEFT_BEHIND = (
    "; values that were ingested before stay in clear in older Parquet of the lake, and in tables and freed pages of "
    "the warehouse file, until `platform-assets reload` has removed them"
)


@dataclass(frozen=True)
class Change:
    """``breaks``: what the change breaks, in words. ``column`` is set where readers of one column are meant."""

    message: str
    breaks: bool
    column: str | None = None


def compare(old: Contract, new: Contract) -> list[Change]:
    """Every change that matters to a reader or a supplier, breaking ones first."""
    changes: list[Change] = []
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    for name, column in before.items():
        if name not in after:
            changes.append(Change(f"column {name!r} removed", True, name))
        else:
            changes.extend(_column(column, after[name]))
    for name, column in after.items():
        if name not in before:
            tight = column.required and " and required: deliveries without it are rejected"
            changes.append(Change(f"column {name!r} added{tight or ''}", bool(tight), name))
    changes.extend(_feed(old, new))
    changes.extend(_rules(old, new))
    return sorted(changes, key=lambda change: not change.breaks)


def _column(old: Column, new: Column) -> list[Change]:
    name = old.name
    found: list[Change] = []

    def add(message: str, *, breaks: bool) -> None:
        found.append(Change(f"column {name!r}: {message}", breaks, name))

    if old.type is not new.type:
        wider = new.type in WIDER.get(old.type, set())
        add(f"type {'widened' if wider else 'changed'} from {old.type} to {new.type}", breaks=True)
    elif (old.precision, old.scale) != (new.precision, new.scale):
        narrower = _narrower(old, new)
        add(f"type {'narrowed' if narrower else 'widened'} from {_digits(old)} to {_digits(new)}", breaks=narrower)
    if old.source_name != new.source_name:
        add(f"read from {new.source_name!r} instead of {old.source_name!r}", breaks=True)
    if (old.format, old.default_timezone) != (new.format, new.default_timezone):
        add("its format or time zone changed: values are read in another way", breaks=True)
    if (old.decimal_separator, old.thousands_separator) != (new.decimal_separator, new.thousands_separator):
        add("its decimal or thousands separator changed: numbers are read in another way", breaks=True)
    if old.protection is not new.protection:
        add(f"protection changed from {old.protection} to {new.protection}{_left_behind(old, new)}", breaks=True)
    if old.nested != new.nested:
        before = {rule.path: rule.protection for rule in old.nested}
        tighter = any(before.get(rule.path) in (None, Protection.NONE) for rule in new.nested)
        add(
            f"protection of values inside it changed{LEFT_BEHIND if tighter else ''}",
            breaks=any(n.protection is not Protection.NONE for n in (*old.nested, *new.nested)),
        )
    if old.inside != new.inside:
        add("rules for values inside it changed", breaks=bool(new.inside))
    for label in ("required", "unique"):
        if getattr(old, label) != getattr(new, label):
            add(f"{'is now' if getattr(new, label) else 'is no longer'} {label}", breaks=True)
    if old.rounding != new.rounding:
        what = "rounded: values are read in another way" if new.rounding else "rounded: rows with them are quarantined"
        add(f"numbers with too many places are {'now' if new.rounding else 'no longer'} {what}", breaks=True)
    for label, words in (("true_values", "words for true"), ("false_values", "words for false")):
        before, now = getattr(old, label), getattr(new, label)
        if set(before) != set(now):
            fewer = [word for word in before if word not in now]
            more = f": no longer {', '.join(fewer)}" if fewer else ""
            add(f"{words} changed from {', '.join(before)} to {', '.join(now)}{more}", breaks=bool(fewer))
    if old.pattern != new.pattern:
        add(f"pattern {'tightened or changed' if new.pattern else 'removed'}", breaks=new.pattern is not None)
    if old.allowed_values != new.allowed_values:
        gone = [value for value in old.allowed_values if value not in new.allowed_values]
        tightened = bool(new.allowed_values) and (bool(gone) or not old.allowed_values)
        lost = f": no longer {', '.join(gone)}" if gone else ""
        add(f"allowed values {'tightened' if tightened else 'loosened'}{lost}", breaks=tightened)
    for label, is_low in (("minimum", True), ("maximum", False), ("min_length", True), ("max_length", False)):
        _limit(old, new, label, is_low, add)
    return found


def _left_behind(old: Column, new: Column) -> str:
    """What a new protection does not reach: values that were written without it."""
    clear = old.protection is Protection.NONE or new.protection is Protection.DROP
    return LEFT_BEHIND if clear and new.protection is not Protection.NONE else ""


def _limit(old: Column, new: Column, label: str, is_low: bool, add: object) -> None:
    before, now = getattr(old, label), getattr(new, label)
    exclusive = f"exclusive_{label}"
    opened = getattr(old, exclusive, False), getattr(new, exclusive, False)
    if before == now and opened[0] == opened[1]:
        return
    if now is None:
        tighter = False
    elif before is None:
        tighter = True
    else:
        kind = new.type in (LogicalType.INTEGER, LogicalType.NUMBER) or label.endswith("length")
        low, high = (float(before), float(now)) if kind else (before, now)
        tighter = (high > low if is_low else high < low) or (high == low and opened[1])
    add(f"{label} {'tightened' if tighter else 'loosened'} from {before} to {now}", breaks=tighter)  # type: ignore[operator]


def _feed(old: Contract, new: Contract) -> list[Change]:
    found: list[Change] = []
    if old.name != new.name:
        found.append(Change(f"the feed is renamed from {old.name!r} to {new.name!r}", True))
    if old.format != new.format:
        found.append(Change("the file format changed: files of the old form are rejected or read in another way", True))
    if old.primary_key != new.primary_key:
        found.append(Change(f"primary key changed from {old.primary_key} to {new.primary_key}", True))
    if new.quarantine_limit != old.quarantine_limit:
        tighter = new.quarantine_limit < old.quarantine_limit
        found.append(
            Change(f"quarantine limit changed from {old.quarantine_limit:g} to {new.quarantine_limit:g}", tighter)
        )
    if new.quarantine_minimum != old.quarantine_minimum:
        tighter = new.quarantine_minimum < old.quarantine_minimum
        found.append(
            Change(f"quarantine minimum changed from {old.quarantine_minimum} to {new.quarantine_minimum}", tighter)
        )
    for label, words in (
        ("empty_allowed", "empty deliveries"),
        ("extra_columns", "additional columns"),
        ("missing_columns", "missing columns"),
    ):
        before, now = getattr(old, label), getattr(new, label)
        if before != now:
            found.append(Change(f"{words} are {'now' if now else 'no longer'} tolerated", before and not now))
    return found


def _rules(old: Contract, new: Contract) -> list[Change]:
    found: list[Change] = []
    rows = {rule.name: rule for rule in old.row_expressions}
    for rule in new.row_expressions:
        if rule.name not in rows:
            found.append(Change(f"row rule {rule.name!r} added", True))
        elif rows[rule.name] != rule:
            found.append(Change(f"row rule {rule.name!r} changed", True))
    found += [
        Change(f"row rule {name!r} removed", False)
        for name in rows
        if name not in {r.name for r in new.row_expressions}
    ]
    batch: dict[str, BatchRule] = {rule.name: rule for rule in old.batch_rules}
    for check in new.batch_rules:
        before = batch.pop(check.name, None)
        blocking = check.severity is Severity.ERROR
        if before is None:
            found.append(Change(f"rule {check.name!r} added ({check.severity}, {check.bounds})", blocking))
        elif replace(before, description="") != replace(check, description=""):
            found.append(Change(f"rule {check.name!r} changed: {_differences(before, check)}", blocking))
    found += [Change(f"rule {name!r} removed", False) for name in batch]
    return found


def _differences(old: BatchRule, new: BatchRule) -> str:
    """What differs between two rules of one name. A query is too long to be quoted."""
    found = []
    for field in fields(BatchRule):
        before, now = getattr(old, field.name), getattr(new, field.name)
        if before != now and field.name == "query":
            found.append("another query")
        elif before != now and field.name != "description":
            found.append(f"{field.name} from {_words(before)} to {_words(now)}")
    return ", ".join(found)


def _words(value: object) -> str:
    if isinstance(value, Reference):
        return f"{value.asset} ({', '.join(value.columns)})"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _narrower(old: Column, new: Column) -> bool:
    if old.precision is None or new.precision is None:
        return True
    whole = (new.precision - (new.scale or 0)) < (old.precision - (old.scale or 0))
    return whole or (new.scale or 0) < (old.scale or 0)


def _digits(column: Column) -> str:
    return f"decimal({column.precision},{column.scale or 0})" if column.precision is not None else "double"
