"""`platform-assets source`: from sample files to a feed, with its contract, pattern and partitions.

What is found out is in ``source_plan``; the words of the command and what it prints are here.
"""

from __future__ import annotations

import datetime as dt
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.wording import counted

if TYPE_CHECKING:
    from platform_assets.cli.source_plan import SourcePlan
    from platform_assets.formats.inference.first_contract import FoundColumn
    from platform_assets.ingestion.trial import Tried

COLUMNS = 50
"""Columns that are shown; the contract has all."""


@click.group()
def source() -> None:
    """Add a source from sample files."""


@source.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="The feed, below its domain, such as sales/orders; by default the file's name.")
@click.option(
    "--header/--no-header", default=None, help="Whether the first line of CSV names columns; else it is found."
)
@click.option("--pattern", help="How files are named below the landing folder, such as orders/%d%m%Y.csv; else found.")
@click.option(
    "--partitions", help="A type such as daily, none, or words as in defs.yaml: '{type: daily, timezone: Asia/Tokyo}'."
)
def add(
    files: tuple[Path, ...], name: str | None, header: bool | None, pattern: str | None, partitions: str | None
) -> None:
    """Look at samples of one source (CSV, JSON lines or Parquet; gzip and zstd too), and write a feed for it.

    The contract and the pattern of its files are tried on the samples before anything is written, and what would be
    published and quarantined is printed. Nothing is written over.
    """
    from platform_assets.cli.project import chosen_landing, project_of
    from platform_assets.cli.source_files import write_folder
    from platform_assets.cli.source_plan import plan_source, shown_path

    project = project_of(Path.cwd())
    if project is None:
        raise click.UsageError(
            f"{Path.cwd()} lies in no dg project: neither it nor a folder above has a pyproject.toml with root_module "
            "in [tool.dg.project]"
        )
    place = chosen_landing()
    landing = None if "://" in place else Path(place)
    plan = plan_source(project, landing, files, name, header=header, pattern=pattern, partitions=partitions)
    write_folder(plan.folder, plan.files)
    _report(plan)
    click.echo(f"wrote {shown_path(plan.folder / 'defs.yaml')} and contract.yaml beside it")
    for line in _next_steps(plan, landing):
        click.echo(line)


def _report(plan: SourcePlan) -> None:
    found = plan.contract
    seen = f"{found.rows:,} {'row' if found.rows == 1 else 'rows'} looked at" + (
        "" if found.is_whole else ", the first of more"
    )
    click.echo(f"{found.feed}: {', '.join(_form(plan))}; {seen}")
    any_odd = any(column.odd for column in found.columns)
    titles = ("column", "type", *(["of another type"] if any_odd else []), "remarks")
    table = Table(*titles, box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in found.columns[:COLUMNS]:
        name = column.name if column.name == column.source else f"{column.name} ({column.source})"
        odd = [f"{column.odd:,}" if column.odd else ""] if any_odd else []
        table.add_row(*map(Text, (name, column.type, *odd, "; ".join(filter(None, _remarks(column))))))
    table_console().print(table)
    if len(found.columns) > COLUMNS:
        click.echo(f"and {len(found.columns) - COLUMNS:,} more columns")
    click.echo(f"files:      {plan.proposal.pattern}")
    if plan.proposal.remark:
        click.echo(f"            {plan.proposal.remark}")
    words = plan.proposal.partitions
    if words is None:
        click.echo("partitions: none; a delivery replaces the whole table")
    else:
        said = [f"{word} {value}" for word, value in words.items() if word not in ("type", "day_offset")]
        click.echo(f"partitions: {words['type']}, {', '.join(said)}")
    for tried in plan.tried:
        click.echo(f"tried:      {_outcome(tried, bool(words))}")


def _remarks(column: FoundColumn) -> Iterator[str]:
    yield "the key" if column.is_key else "could be the key" if column.could_be_key else ""
    yield column.personal
    if inside := column.personal_inside:
        yield f"looks personal inside: {', '.join(inside[:5])}"
    if column.note:
        yield f"may be {column.note}"


def _form(plan: SourcePlan) -> Iterator[str]:
    form = plan.contract.format
    yield {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet"}.get(str(form.kind), str(form.kind))
    if form.kind == "csv":
        yield f"delimiter {form.delimiter!r}"
        if not form.header:
            yield "no header (--header if the first line is one)"
    if form.kind != "parquet":
        yield form.encoding
    if plan.contract.nulls:
        yield f"null is {' or '.join(map(repr, plan.contract.nulls))}"


def _outcome(tried: Tried, is_cut: bool) -> str:
    of = f"{tried.partition}: " if is_cut else ""
    part = " of the first" if tried.is_part else ""
    rules = ", ".join(f"{rule} {count:,}" for rule, count in sorted(tried.rules.items(), key=lambda item: -item[1])[:5])
    quarantined = f"{tried.quarantined:,} quarantined" + (f" ({rules})" if rules else "")
    warnings = "".join(f"; {warning}" for warning in tried.warnings[:2])
    return f"{of}{tried.rows_out:,} of {tried.rows_in:,} rows{part} would be published, {quarantined}{warnings}"


def _next_steps(plan: SourcePlan, landing: Path | None) -> Iterator[str]:
    from platform_assets.cli.source_plan import shown_path

    away = [one for one in plan.placed if not one.is_there]
    if landing is None:
        yield "Files are taken from the landing place, which is a URL. Deliver there:"
        yield from (f"  {shown_path(one.sample)} as {one.path}" for one in away)
    elif away:
        verb = "lies" if len(away) == 1 else "lie"
        yield f"{counted(len(away), 'sample')} {verb} outside of the landing folder, from which files are taken. Copy:"
        folders: dict[Path, list[str]] = {}
        for one in away:
            folders.setdefault((landing / one.path).parent, []).append(shown_path(one.sample))
        for folder, files in folders.items():
            into = shlex.quote(shown_path(folder))
            yield f"  mkdir -p {into} && cp {shlex.join(files)} {into}/"
    yield from _run_step(plan)


def _run_step(plan: SourcePlan) -> Iterator[str]:
    from platform_assets.execution import current_execution

    domain = plan.contract.domain
    path = f"{domain}/" if domain and current_execution().domain_in_keys else ""
    selection = shlex.quote(f"+raw/{path}{plan.contract.feed}")
    keys = plan.partitions
    over = [key for key in keys if _is_over(plan, key)]
    if keys and not over:
        yield f"Next: the partition {keys[-1]} is not over yet, and can be run once it is:"
    else:
        yield "Next:"
        keys = over
    span = ""
    if len(keys) == 1:
        span = f" --partition {shlex.quote(keys[0])}"
    elif keys:
        span = f" --from {shlex.quote(keys[0])} --to {shlex.quote(keys[-1])}"
    yield f"  platform-assets run {selection}{span}"
    if not os.environ.get("DAGSTER_HOME"):
        yield "DAGSTER_HOME has to name the folder of dagster.yaml for that."


def _is_over(plan: SourcePlan, key: str) -> bool:
    """Whether a partition of time has ended; one of another kind always has."""
    if plan.proposal.over is not None:
        return key in plan.proposal.over
    words = plan.proposal.partitions or {}
    kind, zone = str(words.get("type")), ZoneInfo(str(words.get("timezone", "UTC")))
    forms = {"hourly": "%Y-%m-%d-%H:%M", "daily": "%Y-%m-%d", "weekly": "%Y-%m-%d", "monthly": "%Y-%m-%d"}
    if kind not in (*forms, "time_window"):
        return True
    begin = dt.datetime.strptime(key, forms.get(kind, "%Y")).replace(tzinfo=zone)
    lengths = {"hourly": dt.timedelta(hours=1), "daily": dt.timedelta(days=1), "weekly": dt.timedelta(days=7)}
    if kind in lengths:
        end = begin + lengths[kind]
    elif kind == "monthly":
        end = (begin + dt.timedelta(days=31)).replace(day=1)
    else:
        end = begin.replace(year=begin.year + 1)
    return end <= dt.datetime.now(dt.UTC)
