"""What `platform-assets run` is to do: which assets a selection names, over which partitions, in how many runs.

Nothing is executed here. What becomes of the runs is in ``run_execution``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import dagster as dg
from dagster import AssetSelection

from platform_assets._compat import AssetGraph
from platform_assets.cli.named_partitions import RANGE, NoSuchPartition, keys_between, which_there_are
from platform_assets.contracts.problems import suggestion
from platform_assets.feeds import run_tags

SHOWN = 5
DOUBLE_QUOTE = '"'
OPERATORS = frozenset({"and", "or", "not", "sinks", "roots"})
_WORDS = re.compile(r'"[^"]*"|[^\s()"+]+(?:"[^"]*")?')


class RunRefused(click.ClickException):
    """The command cannot be carried out as it was written; the message says why and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Span:
    """Which partitions are asked for; all three are None for assets without partitions.

    ``first`` or ``last`` alone means up to the last partition that there is, or from the first one on.
    """

    partition: str | None = None
    first: str | None = None
    last: str | None = None

    @property
    def is_given(self) -> bool:
        return self.partition is not None or self.first is not None or self.last is not None


@dataclass(frozen=True)
class PlannedRun:
    """One run: ``keys`` in the order in which they are built, ``partitions`` empty for assets that have none."""

    keys: tuple[dg.AssetKey, ...]
    partitions: tuple[str, ...] = ()

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags of a run over a range of partitions."""
        if len(self.partitions) < 2:
            return {}
        return {run_tags.RANGE_START: self.partitions[0], run_tags.RANGE_END: self.partitions[-1]}

    @property
    def partition_key(self) -> str | None:
        return self.partitions[0] if len(self.partitions) == 1 else None

    @property
    def title(self) -> str:
        """The partitions in a few letters."""
        return shown_range(self.partitions)


def shown_range(partitions: Sequence[str]) -> str:
    """Partitions in a few letters: one, or the first and the last."""
    return RANGE.join(dict.fromkeys((partitions[0], partitions[-1]))) if partitions else ""


def plan_runs(
    definitions: dg.Definitions, words: Sequence[str], span: Span, instance: dg.DagsterInstance
) -> list[PlannedRun]:
    """The runs that materialize what ``words`` select, one after the other.

    Raises:
        RunRefused: if nothing is selected, or the partitions do not exist or do not fit the assets.
    """
    graph = definitions.resolve_asset_graph()
    keys = selected(graph, words)
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        partitions = _partitions_of(graph, keys, span)
    cut = [key for key in keys if graph.get(key).partitions_def is not None]
    if not cut:
        return [PlannedRun(tuple(keys))]
    runs = [
        tuple(partitions[at : at + size]) for size in [_run_size(graph, cut)] for at in range(0, len(partitions), size)
    ]
    if len(runs) == 1:
        return [PlannedRun(tuple(keys), runs[0])]
    # what has no partitions is built once: before the others, unless it reads one of them
    below = set(AssetSelection.assets(*cut).downstream().resolve(graph))
    before = tuple(key for key in keys if key not in below)
    after = tuple(key for key in keys if key in below and key not in cut)
    planned = [PlannedRun(before), *(PlannedRun(tuple(cut), run) for run in runs), PlannedRun(after)]
    return [run for run in planned if run.keys]


def _run_size(graph: AssetGraph, keys: Sequence[dg.AssetKey]) -> int:
    """How many partitions one run may have, as the backfill policies of the assets say."""
    sizes = []
    for key in keys:
        policy = graph.get(key).backfill_policy
        most = 1 if policy is None else policy.max_partitions_per_run
        sizes += [] if most is None else [most]
    return min(sizes, default=10**9)


def selected(graph: AssetGraph, words: Sequence[str]) -> list[dg.AssetKey]:
    """The keys that can be materialized here of those that are selected, upstream ones first."""
    text = " or ".join(f"({word})" if len(words) > 1 else word for word in words)
    named = list(dict.fromkeys(_keys_in(text)))
    known = {key.to_user_string() for key in graph.get_all_asset_keys()}
    for name in named:
        if name not in known:
            hint = suggestion(name, known)
            quotes = "; put * in quotes: '*'" if any(Path(word).exists() for word in words) and len(words) > 1 else ""
            raise RunRefused(f"no asset {name[:80]!r}{hint}{quotes}; `dg list defs` lists them")
    try:
        found = AssetSelection.from_string(_with_keys_quoted(text)).resolve(graph)
    except dg.DagsterError:
        raise RunRefused(
            f"{text[:80]!r} is no selection, such as raw/orders, '+raw/orders', group:sales or '*' "
            "(https://docs.dagster.io/guides/build/assets/asset-selection-syntax)"
        ) from None
    ordered = [key for key in graph.toposorted_asset_keys if key in found]
    here = [key for key in ordered if key in graph.materializable_asset_keys]
    if not ordered:
        raise RunRefused(f"{text[:80]!r} selects no asset{_what_there_is(graph, text)}")
    if not here:
        raise RunRefused(f"{_listed(ordered)}: made elsewhere, it cannot be materialized here")
    return here


def _what_there_is(graph: AssetGraph, text: str) -> str:
    if "group:" not in text:
        return ""
    groups = sorted({graph.get(key).group_name for key in graph.materializable_asset_keys} - {None})
    return f"; the groups are {', '.join(map(str, groups[:20]))}" if groups else ""


def _is_key(word: str) -> bool:
    return ":" not in word and word.lower() not in OPERATORS and not word.isdigit() and "*" not in word


def _keys_in(text: str) -> Iterator[str]:
    """The whole keys in a selection, as they are written."""
    for word in _WORDS.findall(text):
        if not word.startswith('"') and _is_key(word):
            yield word
        elif word.startswith("key:") and "*" not in word:
            yield word.removeprefix("key:").strip('"')


def _with_keys_quoted(text: str) -> str:
    """The selection with `raw/orders` as `key:"raw/orders"`, without which it may stand at the ends alone."""

    def quoted(found: re.Match[str]) -> str:
        word = found[0]
        return f"key:{json.dumps(word)}" if _is_key(word) and word[:1] != DOUBLE_QUOTE else word

    return _WORDS.sub(quoted, text)


def _partitions_of(graph: AssetGraph, keys: Sequence[dg.AssetKey], span: Span) -> list[str]:
    """The partitions to build, in their order; none for assets without partitions."""
    by_definition: dict[dg.PartitionsDefinition, dg.AssetKey] = {}
    for key in keys:
        found = graph.get(key).partitions_def
        if found is not None:
            by_definition.setdefault(found, key)
    if not by_definition:
        if span.is_given:
            raise RunRefused(f"{_listed(keys)}: no asset with partitions; leave --partition, --from and --to out")
        return []
    if len(by_definition) > 1:
        (one, first), (other, second), *_ = by_definition.items()
        raise RunRefused(
            f"{first.to_user_string()} has {_described(one)} and {second.to_user_string()} has {_described(other)}: "
            "run them one after the other"
        )
    ((definition, key),) = by_definition.items()
    name = key.to_user_string()
    if not span.is_given:
        raise RunRefused(
            f"{name} has partitions ({which_there_are(definition)}): name one with --partition, "
            "or a range with --from and --to"
        )
    try:
        return keys_between(definition, *_ends(definition, span, name), of=name)
    except NoSuchPartition as error:
        raise RunRefused(str(error)) from None


def _ends(definition: dg.PartitionsDefinition, span: Span, name: str) -> tuple[str, str]:
    if span.partition is not None:
        first, is_range, last = span.partition.partition(RANGE)
        return (first, last) if is_range else (span.partition, span.partition)
    first_key, last_key = definition.get_first_partition_key(), definition.get_last_partition_key()
    if first_key is None or last_key is None:
        raise NoSuchPartition(f"{name} has no partition: {which_there_are(definition)}")
    return span.first or first_key, span.last or last_key


def _described(partitions: dg.PartitionsDefinition) -> str:
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        kind = partitions.schedule_type.value.lower() if partitions.schedule_type else partitions.get_cron_schedule()
        end = f" until {partitions.end:%Y-%m-%d}" if partitions.end else ""
        zone = "" if partitions.timezone == "UTC" else f" in {partitions.timezone}"
        return f"{kind} partitions since {partitions.start:%Y-%m-%d}{end}{zone}"
    if isinstance(partitions, dg.DynamicPartitionsDefinition):
        return f"the dynamic partitions {partitions.name!r}"
    keys = partitions.get_partition_keys()
    return f"the partitions {', '.join(keys[:SHOWN])}{', ...' if len(keys) > SHOWN else ''}"


def _listed(keys: Sequence[dg.AssetKey]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return ", ".join(key.to_user_string() for key in keys[:SHOWN]) + more
