"""What `platform-assets source add` is to write: the feed's name and folder, its pattern, partitions and contract.

Nothing is written here. What the command prints is in ``source``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from platform_assets.cli.project import DgProject
from platform_assets.contracts.orchestration import as_name
from platform_assets.formats.inference.first_contract import FirstContract, scalar
from platform_assets.formats.inference.infer import first_contract
from platform_assets.ingestion.trial import Tried, tried_contract
from platform_assets.lake.deliveries import SNAPSHOT
from platform_assets.landing.dated_names import dated
from platform_assets.landing.proposals import ENDINGS, Proposal, propose
from platform_assets.landing.walk import is_passed_over
from platform_assets.sql.contract_file import declared_name

COMPONENT = "platform_assets.FileFeed"
NAME = re.compile(r"[A-Za-z][\w-]*(/[A-Za-z][\w-]*)*")


@dataclass(frozen=True)
class Placed:
    """A sample and where it lies, or has to lie, below the landing folder."""

    sample: Path
    path: str
    is_there: bool


@dataclass(frozen=True)
class SourcePlan:
    """Everything that the samples say of a source, tried on them."""

    folder: Path
    placed: tuple[Placed, ...]
    proposal: Proposal
    contract: FirstContract
    tried: tuple[Tried, ...]

    @property
    def files(self) -> dict[str, str]:
        """The texts to be written, by the names of their files."""
        return {"contract.yaml": self.contract.text(), "defs.yaml": _defs(self.proposal)}

    @property
    def partitions(self) -> list[str]:
        """The keys of the samples' partitions in their order; none for a snapshot."""
        return sorted(set(self.proposal.keys.values()))


def plan_source(
    project: DgProject,
    landing: Path | None,
    samples: Sequence[Path],
    name: str | None,
    *,
    header: bool | None,
    pattern: str | None = None,
    partitions: str | None = None,
) -> SourcePlan:
    """What is to be written for a source with files like ``samples``; ``landing`` is None for a place that is a URL.

    ``pattern`` and ``partitions`` are what somebody has chosen instead of what the names of the samples say.

    Raises:
        click.ClickException: if the name cannot be used, or is taken.
        PlatformError: if the samples cannot be read, or no contract or pattern takes them.
    """
    distinct = list({_location(sample): sample for sample in samples}.values())
    for sample in distinct:
        if is_passed_over(sample.name):
            raise click.ClickException(
                f"{sample}: is named like a draft, which no feed takes; give it the name that its files will have"
            )
    shown = name or _name_of(distinct[0], landing)
    if not NAME.fullmatch(shown):
        raise click.ClickException(f"--name {shown!r}: must be words of letters, digits, _ and -, such as sales/orders")
    *domains, last = shown.split("/")
    feed = as_name(last.replace("-", "_"))
    folder = project.defs_folder / shown
    _check_free(project, folder, feed)
    placed = _placed(distinct, landing, feed, pattern)
    proposal = _proposal(placed, feed, pattern, partitions)
    keys = proposal.keys
    first = first_contract(distinct, feed, domain=domains[-1] if domains else "", header=header)
    groups: dict[str, list[Path]] = {}
    for one in sorted(placed, key=lambda one: one.path):
        groups.setdefault(keys.get(one.path, SNAPSHOT), []).append(one.sample)
    contract, tried = tried_contract(first, groups)
    return SourcePlan(folder, tuple(placed), proposal, contract, tuple(tried))


def _proposal(placed: Sequence[Placed], feed: str, pattern: str | None, partitions: str | None) -> Proposal:
    """The pattern and the partitions of the samples, which ``keys`` has by their paths below the landing folder."""
    paths = [one.path for one in placed]
    if pattern is None:
        within = "" if placed[0].is_there else f"{feed}/"
        tails = [path.removeprefix(within) for path in paths]
        found = propose(tails, within.removesuffix("/"))
        keys = {path: found.keys[tail] for path, tail in zip(paths, tails, strict=True) if tail in found.keys}
        if partitions is None:
            return replace(found, keys=keys)
        pattern = found.pattern
    from platform_assets.cli.source_choices import chosen

    return chosen(pattern, partitions, paths, feed)


def _check_free(project: DgProject, folder: Path, feed: str) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.ClickException(f"{folder}: is there already, and nothing is written over: choose another --name")
    for path in project.components():
        text = path.read_text(encoding="utf-8", errors="replace")
        if COMPONENT not in text:
            continue
        import yaml

        try:
            documents = [document for document in yaml.safe_load_all(text) if isinstance(document, dict)]
        except yaml.YAMLError:
            continue  # what is wrong with it, `dg check yaml` says
        for document in documents:
            given = document.get("attributes")
            words: Mapping[str, object] = given if isinstance(given, dict) else {}
            contract, schema = str(words.get("contract", "contract.yaml")), words.get("schema")
            if (
                document.get("type") == COMPONENT
                and declared_name(path.parent / contract, str(schema or "") or None) == feed
            ):
                raise click.ClickException(f"{path}: has a feed {feed!r} already: choose another --name")


def _name_of(sample: Path, landing: Path | None) -> str:
    """A name for the feed, from the words of the file's name that are no time, or of the folder above."""
    for text in (ENDINGS.sub("", sample.name), *(folder.name for folder in _folders(sample, landing))):
        words = re.sub(r"%.|\*|%%", " ", dated(text).pattern)
        words = re.sub(r"\b(part|data|export|file)?[\W_]*\d*$", "", words.lower())
        found = re.sub(r"[^a-z0-9]+", "_", words).strip("_").lstrip("0123456789_")
        if found and found not in ("dt", "date", "day", "part", "year"):
            return found
    raise click.ClickException(
        f"{sample}: its name gives none to a source: choose one with --name, such as sales/orders"
    )


def _folders(sample: Path, landing: Path | None) -> list[Path]:
    """The folders above a sample, up to the landing folder if it lies below that."""
    above = list(_location(sample).parents)
    root = landing.resolve() if landing is not None else None
    return above[: above.index(root)] if root in above else above[:4]


def _placed(samples: Sequence[Path], landing: Path | None, feed: str, pattern: str | None) -> list[Placed]:
    root = landing.resolve() if landing is not None else None
    inside = [sample for sample in samples if root is not None and _location(sample).is_relative_to(root)]
    outside = [sample for sample in samples if sample not in inside]
    if inside and outside:
        raise click.ClickException(
            f"{inside[0]} lies in the landing folder and {outside[0]} does not: copy the others there first"
        )
    if link := next((sample for sample in inside if sample.is_symlink()), None):
        raise click.ClickException(
            f"{link}: is a link in the landing folder, which no feed follows: put the file there"
        )
    found: dict[str, Placed] = {}
    for sample in samples:
        path = _location(sample)
        relative = str(path.relative_to(root)) if root is not None and inside else _outside(path, feed, pattern)
        if relative in found:
            raise click.ClickException(
                f"{found[relative].sample} and {sample} would both be {relative} below the landing folder: copy them "
                "there under names of their own first, and name them there"
            )
        found[relative] = Placed(sample, relative, bool(inside))
    return list(found.values())


def _outside(path: Path, feed: str, pattern: str | None) -> str:
    """Where a sample that lies elsewhere is to lie below the landing folder."""
    if pattern is None:
        return f"{feed}/{_dated_tail(path)}"
    from platform_assets.cli.source_choices import path_by

    return path_by(pattern, path)


def _location(sample: Path) -> Path:
    """Where a sample lies, under the name that it is given there: a link keeps its own."""
    return sample.parent.resolve() / sample.name


def _dated_tail(path: Path) -> str:
    """The end of a path that names its time: the file, and the folders above it that are parts of a date."""
    parts = path.parts
    deepest = 1
    for count in range(2, min(6, len(parts))):
        tail = "/".join(parts[-count:])
        inner = dated("/".join(parts[-count + 1 :]))
        if len(dated(tail).values) > len(inner.values):
            deepest = count
    tail = "/".join(parts[-deepest:])
    # a folder that only happens to be named like a year says nothing beside a day in the file's own name
    return path.name if "d" in dated(path.name).values else tail


def _defs(proposal: Proposal) -> str:
    lines = [f"type: {COMPONENT}", "", "attributes:", f"  files: {_quoted(proposal.pattern)}"]
    if proposal.partitions is not None:
        lines.append("  partitions:")
        lines += [f"    {word}: {scalar(value)}" for word, value in proposal.partitions.items()]
    return "\n".join([*lines, ""])


def _quoted(pattern: str) -> str:
    return pattern if re.fullmatch(r"[A-Za-z][\w./%=-]*", pattern) else scalar(pattern)


def shown_path(path: Path) -> str:
    """The path from the working directory, where it lies below that."""
    here = Path.cwd()
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they were named
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
