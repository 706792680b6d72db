"""`platform-assets contract`: infer a contract from a sample, check contracts, name what a change breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import yaml

from platform_assets.cli.project import chosen_lake, chosen_quarantine
from platform_assets.cli.revisions import git, root_of, text_at
from platform_assets.contracts.changes import Change, compare
from platform_assets.contracts.model import Contract
from platform_assets.contracts.problems import ContractError
from platform_assets.dbt.dependents import Readers, find_readers
from platform_assets.execution import current_execution
from platform_assets.formats.inference.infer import feed_name, first_contract
from platform_assets.formats.inference.opened import SampleError
from platform_assets.sql.contract_file import parse_document, read_document
from platform_assets.wording import counted

KIND = "kind: DataContract"
WORD = "DataContract"
SUFFIXES = (".yaml", ".yml")
QUICK_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@click.group()
def contract() -> None:
    """Infer, validate and compare data contracts."""


@contract.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="The feed's name; by default the file's, without its endings.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write; by default to the terminal.")
@click.option("--force", is_flag=True, help="Write over an OUTPUT that exists.")
def infer(file: Path, name: str | None, output: Path | None, force: bool) -> None:
    """Write a first contract from a sample FILE (CSV, JSON lines or Parquet; gzip and zstd too)."""
    from platform_assets.ingestion.trial import tried_contract

    try:
        found = first_contract([file], name or feed_name(file))
        text = tried_contract(found, {"sample": [file]})[0].text()
    except SampleError as error:
        raise click.ClickException(str(error)) from None
    if output is None:
        click.echo(text, nl=False)
    elif output.exists() and not force:
        raise click.ClickException(f"{output}: exists already; write elsewhere, or over it with --force")
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        click.echo(f"wrote {output}; review it, then: platform-assets contract check {output}")


@contract.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--against", metavar="REV", help="A git revision: name what changed since, and what it breaks.")
def check(paths: tuple[Path, ...], against: str | None) -> None:
    """Validate the contracts in PATHS (files, or folders that are searched for them)."""
    files = [file for path in paths for file in contracts_in(path)]
    if not files and against is None:
        raise click.ClickException(f"no contract found in {', '.join(map(str, paths))} (files with {KIND!r})")
    failed = broken = 0
    strict = current_execution().personal_data == "strict"
    for file in files:
        try:
            read = read_document(file)
        except ContractError as error:
            click.echo(str(error))
            failed += 1
            continue
        for note in read.notes:
            click.echo(f"note: {note}")
        undecided = [each for contract in read.contracts for each in contract.undecided]
        for problem in undecided:
            click.echo(f"{'' if strict else 'warning: '}{problem}")
        failed += bool(strict and undecided)
        if against is not None:
            broken += _tell_changes(file, read.contracts, against)
        for each in read.contracts:
            click.echo(f"{file}: {each.name}: {_quarantine_limit(each)}")
    if against is not None:
        for path in paths:
            broken += _tell_removed(path, {file.resolve() for file in files}, against)
    click.echo(
        f"{counted(len(files), 'contract')}: {len(files) - failed} good, {failed} with problems"
        + (f", {broken} breaking changes" if against else "")
    )
    if failed or broken:
        raise SystemExit(1)


def _quarantine_limit(contract: Contract) -> str:
    """When a delivery is rejected for the rows that were quarantined."""
    if contract.quarantine_limit == 1:
        return "no delivery is rejected for the share of its rows that is quarantined"
    least = f" and more than {counted(contract.quarantine_minimum, 'row')}" if contract.quarantine_minimum else ""
    share = (
        f"more than {contract.quarantine_limit * 100:g}% of its rows"
        if contract.quarantine_limit
        else "any of its rows"
    )
    return f"a delivery is rejected when {share}{least} are quarantined (quarantineLimit)"


def contracts_in(path: Path) -> list[Path]:
    """The file itself, or the contracts in a folder."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise click.ClickException(f"{path}: there is no such file or folder")
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return [file for file in found if _is_contract(file)]


def _is_contract(file: Path) -> bool:
    try:
        return is_contract(file.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be read: {error.strerror}") from None


def is_contract(raw: bytes) -> bool:
    """Whether a YAML file is meant as a contract: its key `kind` says so, however YAML lets it be written."""
    text = raw.decode(_encoding(raw), errors="replace")
    # most files are looked at no further; a text in quotes may hold an escape
    if WORD.lower() not in text.lower() and not re.search(r"\\[xuU]", text):
        return False
    try:
        root = yaml.compose(text, Loader=QUICK_LOADER)
    except yaml.YAMLError:
        # one that is broken is reported, not passed over
        return re.search(rf"""(?im)^[\s{{,]*["']?kind["']?\s*:.*\b{WORD}\b""", text) is not None
    if not isinstance(root, yaml.MappingNode):
        return False
    # an alias or a tag of YAML's has been taken in by then
    return any(
        str(getattr(key, "value", "")) == "kind" and str(getattr(value, "value", "")).strip().lower() == WORD.lower()
        for key, value in root.value
    )


def _encoding(raw: bytes) -> str:
    return "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def _tell_changes(file: Path, new: Sequence[Contract], revision: str) -> int:
    """Print the changes of the contracts of one file; gives the number of breaking ones."""
    root, text = root_of(file), text_at(file, revision)
    if text is None:
        click.echo(f"{file}: new since {revision}")
        return 0
    try:
        old = parse_document(text, file).contracts
    except ContractError:
        click.echo(f"{file}: could not be used at {revision}, so there is nothing to compare with")
        return 0
    changes = [
        (name, change)
        for name, before, now in _pairs(old, new)
        for change in (
            compare(before, now) if now is not None else [Change(f"the table {name!r} is removed", breaks=True)]
        )
    ]
    _foretell(file, old, new)
    readers = find_readers(root) if any(change.breaks for _, change in changes) else None
    for name, change in changes:
        click.echo(f"{file}: {'BREAKS: ' if change.breaks else ''}{change.message}")
        if change.breaks and readers is not None:
            _tell_readers(readers, name, change.column)
    return sum(change.breaks for _, change in changes)


def _foretell(file: Path, old: Sequence[Contract], new: Sequence[Contract]) -> None:
    """Print what changed types and protections mean for partitions that are published already."""
    # for a comparison alone: it needs all that ingestion does
    from platform_assets.cli.foretelling import concerns_published, foretold

    for name, before, now in _pairs(old, new):
        if now is None or not concerns_published(before, now):
            continue
        lake = chosen_lake()
        for line in foretold(before, now, lake, chosen_quarantine(lake)):
            click.echo(f"{file}: {name}: {line}")


def _pairs(old: Sequence[Contract], new: Sequence[Contract]) -> Iterator[tuple[str, Contract, Contract | None]]:
    """Each table of before with the one of now; the only one of a file is the same, whatever its name is."""
    if len(old) == len(new) == 1:
        yield old[0].name, old[0], new[0]
        return
    now = {contract.name: contract for contract in new}
    for before in old:
        yield before.name, before, now.get(before.name)


def _tell_removed(path: Path, present: set[Path], revision: str) -> int:
    """Contracts that were below ``path`` at the revision and are gone."""
    root = root_of(path)
    below = path.resolve().relative_to(root)
    listed = git(root, "ls-tree", "-r", "--name-only", "-z", revision, "--", str(below)) or ""
    count = 0
    for name in filter(None, listed.split("\0")):
        if Path(name).suffix.lower() not in SUFFIXES or root / name in present or (root / name).exists():
            continue
        text = git(root, "show", f"{revision}:{name}", missing_ok=True)
        if text is None or not is_contract(text.encode()):
            continue
        click.echo(f"{name}: BREAKS: the contract is removed")
        try:
            for contract in parse_document(text, root / name).contracts:
                _tell_readers(find_readers(root), contract.name, None)
        except ContractError:
            click.echo(f"{name}: could not be used at {revision}, so its readers are not known")
        count += 1
    return count


def _tell_readers(readers: Readers, feed: str, column: str | None) -> None:
    models, tables = readers.of(feed, column)
    click.echo(
        f"    read by models: {', '.join(models) or 'none found'}; "
        f"published tables: {', '.join(tables) or 'none found'}"
    )
