"""A plan as tables for the terminal, as Markdown, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.cli.plan_report import Rebuild, Report
from platform_assets.dbt.planning.model import Affected, NodeChange
from platform_assets.wording import counted

_STYLES = {"breaking": "red", "additive": "green", "none": "dim"}
ALL = "all"


@dataclass(frozen=True)
class _Part:
    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def print_tables(report: Report) -> None:
    """Print the plan for people."""
    click.echo(f"Compared with {report.base.commit[:8]} ({report.base.chosen}).")
    console = table_console(160)
    for part in _parts(report):
        table = Table(*part.headings, title=part.title, title_justify="left")
        for row in part.rows:
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
        console.print(table)
    for line in [*_lines(report), _summary(report)]:
        click.echo(line)


def as_markdown(report: Report) -> str:
    """The plan as text in Markdown."""
    lines = [f"### dbt plan: {_summary(report)}", f"Compared with `{report.base.commit[:8]}` ({report.base.chosen})."]
    for part in _parts(report):
        lines += ["", f"**{part.title}**", ""]
        lines += [f"| {' | '.join(part.headings)} |", f"|{' --- |' * len(part.headings)}"]
        lines += [f"| {' | '.join(map(_cell, row))} |" for row in part.rows]
    said = _lines(report)
    return "\n".join([*lines, *(["", *(f"- {line}" for line in said)] if said else [])]) + "\n"


def as_json(report: Report) -> dict[str, Any]:
    """The plan as plain values."""
    found, rebuilds = report.differences, report.rebuilds
    return {
        "against": {"commit": report.base.commit, "chosen": report.base.chosen},
        "breaking": found.is_breaking,
        "changes": [_change_json(each) for each in found.changes],
        "downstream": [
            {
                "name": each.name,
                "unique_id": each.unique_id,
                "kind": each.kind,
                "category": each.category.value,
                "columns": ALL if each.columns is None else list(each.columns),
                "through": list(each.through),
                "missing": list(each.missing),
                "notes": list(each.notes),
            }
            for each in found.affected
        ],
        "tests": [
            {"name": each.name, "what": each.what, "about": list(each.about), "detail": each.detail}
            for each in found.gates
        ],
        "rebuild": {
            "unknown": rebuilds.unknown,
            "no_history": rebuilds.no_history,
            "assets": [
                {
                    "asset": each.asset,
                    "partitions": list(each.partitions),
                    "seconds_per_partition": each.seconds,
                    "runs": each.runs,
                    "seconds": each.estimate,
                }
                for each in rebuilds.assets
            ],
        },
        "notes": list(found.notes),
    }


def _change_json(change: NodeChange) -> dict[str, Any]:
    return {
        "name": change.name,
        "unique_id": change.unique_id,
        "kind": change.kind,
        "path": change.path,
        "what": change.what,
        "category": change.category.value,
        "rows": list(change.rows),
        "table": list(change.table),
        "columns": dict(change.columns),
        "macros": list(change.macros),
        "notes": list(change.notes),
    }


def _parts(report: Report) -> list[_Part]:
    found = report.differences
    parts = [
        _Part(
            "Changes",
            ("node", "kind", "category", "what changes"),
            [(each.name, each.kind, each.category.value, "\n".join(_reasons(each))) for each in found.changes],
        ),
        _Part(
            "Downstream",
            ("node", "kind", "category", "columns", "through"),
            [
                (each.name, each.kind, each.category.value, _columns(each), ", ".join(each.through))
                for each in found.affected
            ],
        ),
        _Part(
            "Tests and contracts",
            ("test", "of", "what", "difference"),
            [(each.name, ", ".join(each.about), each.what, each.detail) for each in found.gates],
        ),
        _Part(
            "To be rebuilt",
            ("asset", "published partitions", "from", "to", "time"),
            [
                (each.asset, str(len(each.partitions)), each.partitions[0], each.partitions[-1], _time(each))
                for each in report.rebuilds.assets
            ],
        ),
    ]
    return [part for part in parts if part.rows]


def _reasons(change: NodeChange) -> list[str]:
    if change.what != "changed":
        return [change.what]
    lines = [f"all columns: {', '.join(change.rows)}"] if change.rows else []
    lines += [*change.table, *(f"{name}: {text}" for name, text in change.columns.items()), *change.notes]
    return [*lines, *([f"by macro {', '.join(change.macros)}"] if change.macros else [])]


def _columns(each: Affected) -> str:
    lines = [ALL if each.columns is None else ", ".join(each.columns)]
    if each.missing:
        lines.append(f"reads {', '.join(each.missing)}, gone")
    return "\n".join([*lines, *each.notes])


def _time(each: Rebuild) -> str:
    if each.estimate is None:
        return "no history"
    return f"{_span(each.estimate)} (median of {counted(each.runs, 'run')})"


def _span(seconds: float) -> str:
    for size, word in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.1f} s"


def _lines(report: Report) -> list[str]:
    rebuilds = report.rebuilds
    lines = list(report.differences.notes)
    if rebuilds.unknown:
        lines.append(f"Partitions to be rebuilt: not known: {rebuilds.unknown}")
    if rebuilds.no_history:
        lines.append(f"Times: no history: {rebuilds.no_history}")
    known = [each.estimate for each in rebuilds.assets if each.estimate is not None]
    if len(known) > 1:
        without = len(rebuilds.assets) - len(known)
        left_out = f", without {counted(without, 'asset')} of no history" if without else ""
        lines.append(f"Together about {_span(sum(known))}{left_out}.")
    return lines


def _summary(report: Report) -> str:
    found = report.differences
    gates = f"{counted(len(found.gates), 'test or contract', 'tests or contracts')} changed" if found.gates else ""
    counts = Counter(each.category.value for each in found.changes)
    named = ", ".join(f"{counts[word]} {word}" for word in ("breaking", "additive") if counts[word])
    parts = [named, f"{len(found.affected)} downstream", gates] if named else ["nothing changes for readers", gates]
    return "; ".join(filter(None, parts))


def _cell(text: str) -> str:
    """As a cell of a table in Markdown, in which no sign of a text is taken for a format."""
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("`", "\\`"), ("\n", "<br>")):
        text = text.replace(sign, instead)
    return text
