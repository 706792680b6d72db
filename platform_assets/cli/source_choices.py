"""What somebody has chosen for a source instead of what its samples' names say: a pattern, partitions, or both.

Chosen words are checked on the samples as a code server checks them on deliveries, which imports Dagster.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import dagster as dg
import yaml

from platform_assets.feeds.fit import check_fit
from platform_assets.feeds.partition_names import partition_key_of, why_no_partition
from platform_assets.feeds.partitions import definition_of
from platform_assets.landing.patterns import ArrivalPattern, NameMatch, PatternError
from platform_assets.landing.proposals import Proposal, words_of_names

STARTS = {"hourly": "%Y-%m-%d-00:00", "daily": "%Y-%m-%d", "weekly": "%Y-%m-%d", "monthly": "%Y-%m-01"}
"""How the first time of the samples is written as `start_date`."""


def path_by(pattern: str, sample: Path) -> str:
    """Where a sample lies below the landing folder if the pattern has its name, with folders above it that it names.

    Raises:
        click.ClickException: if it does not.
    """
    arrival = _pattern(pattern)
    fixed = len(arrival.folder.split("/")) if arrival.folder else 0
    tail = sample.parts[-(pattern.count("/") + 1 - fixed) :]
    path = "/".join([*filter(None, [arrival.folder]), *tail])
    if arrival.token(path) is None:
        raise click.ClickException(f"--pattern {pattern!r} does not take {sample}: it would be {path}")
    return path


def chosen(text: str, partitions: str | None, paths: Sequence[str], feed: str) -> Proposal:
    """The pattern ``text`` with ``partitions`` as somebody wrote them, or else those that the pattern tells.

    ``paths`` are those of the samples below the landing folder.

    Raises:
        click.ClickException: if a sample is not of the pattern and the partitions, or these do not fit each other.
    """
    pattern = _pattern(text)
    matches = {path: _read(pattern, path) for path in paths}
    words: Mapping[str, object] | None
    if partitions is not None:
        words = _completed(_parsed(partitions), pattern, list(matches.values()), feed)
        option = f"--partitions {partitions!r}"
    else:
        words, option = words_of_names(pattern, list(matches.values())), f"--pattern {text!r}"
    try:
        definition = definition_of(words)
        check_fit(pattern, definition, "files")
    except (ValueError, PatternError) as error:
        raise click.ClickException(f"{option}: {error}") from None
    keys = {}
    for path, match in matches.items():
        key = partition_key_of(definition)(match)
        if key is None:
            raise click.ClickException(
                f"{option}: {path} is of no partition of the pattern {text!r}: {why_no_partition(definition, match)}"
            )
        keys[path] = key
    return Proposal(text, words, {} if definition is None else keys, over=_over(definition, keys.values()))


def _pattern(text: str) -> ArrivalPattern:
    pattern = ArrivalPattern(text)
    try:
        _ = pattern.regex
    except PatternError as error:
        raise click.ClickException(f"--pattern: {error}") from None
    return pattern


def _read(pattern: ArrivalPattern, path: str) -> NameMatch:
    token = pattern.token(path)
    match = None if token is None else pattern.read(token)
    if token is None:
        raise click.ClickException(f"--pattern {pattern.pattern!r} does not take {path}")
    if match is None:
        raise click.ClickException(f"--pattern {pattern.pattern!r}: {path} names a time that does not exist")
    return match


def _parsed(text: str) -> dict[str, Any] | None:
    """The words of ``--partitions``: a type, `none`, or a mapping as in defs.yaml."""
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise click.ClickException(f"--partitions {text!r} is no YAML: {str(error).splitlines()[0]}") from None
    if given is None or given == "none":
        return None
    if isinstance(given, str):
        return {"type": given}
    if not isinstance(given, dict):
        raise click.ClickException(
            f"--partitions {text!r} must be a type such as daily, none, or words as in defs.yaml such as "
            "{type: daily, timezone: Europe/Berlin}"
        )
    return {str(word): value.isoformat() if isinstance(value, dt.date) else value for word, value in given.items()}


def _completed(
    words: dict[str, Any] | None, pattern: ArrivalPattern, matches: Sequence[NameMatch], feed: str
) -> dict[str, Any] | None:
    """The words with those that the samples tell: where partitions begin, or which keys there are."""
    if words is None:
        return None
    kind = words.get("type")
    times = [match.time for match in matches if match.time is not None]
    more: dict[str, Any] = {}
    if kind in STARTS or kind == "time_window":
        form = str(words.get("fmt", "")) if kind == "time_window" else STARTS[str(kind)]
        if times and form:
            more["start_date"] = min(time.replace(tzinfo=None) for time in times).strftime(form)
        more["timezone"] = "UTC"
        if kind == "weekly" and "tV" in pattern.regex.groupindex:
            more["day_offset"] = 1
    elif kind == "static":
        more["partition_keys"] = sorted({match.key for match in matches if match.key is not None})
    elif kind == "dynamic":
        more["name"] = feed
    return {**more, **words} if kind is None else {"type": kind, **more, **words}


def _over(definition: dg.PartitionsDefinition | None, keys: Any) -> frozenset[str]:
    """Those of the keys whose time is over."""
    if not isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return frozenset(keys)
    return frozenset(key for key in keys if definition.has_partition_key(key))
