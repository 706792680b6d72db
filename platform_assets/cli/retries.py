"""`platform-assets retries`: the retry policy as it holds for all assets, or for one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from platform_assets.cli.console import table_console
from platform_assets.cli.project import project_of
from platform_assets.contracts.problems import InvalidFile, Problem
from platform_assets.failures import Kind
from platform_assets.limits.durations import shown
from platform_assets.limits.limits_file import read_limits
from platform_assets.limits.policy import TAG, Limits
from platform_assets.retries.policy import LAYERS, Layer, Policies
from platform_assets.retry_file import FILE, RetryFileError, read_policies


@click.command()
@click.argument("asset", required=False)
@click.option("--file", type=click.Path(path_type=Path), help=f"Another file than the project's {FILE}.")
def retries(asset: str | None, file: Path | None) -> None:
    """Print for each kind of failure how often each layer tries, and the seconds in between (the longest, by jitter).

    With ASSET it is the policy of that one. Time limits follow. A mistake in retries.yaml is reported with file,
    line and key.
    """
    project = project_of(Path.cwd())
    path = file or (project.defs_folder / FILE if project is not None else Path(FILE))
    if file is not None and not file.is_file():
        raise click.UsageError(f"--file: {file} does not exist")
    policies, limits = _read(path)
    policy = policies.of(asset) if asset else policies.default
    table = Table("kind", *(layer.value for layer in Layer))
    for kind in Kind:
        cells = [
            _shown(policy.delays(kind, layer, lambda: 0.0)) if layer in LAYERS.get(kind, ()) else "" for layer in Layer
        ]
        table.add_row(*map(Text, (kind.value, *cells)))
    table_console().print(table)
    after = f"after {policy.failures} failures in a row" if policy.failures else "never"
    click.echo(f"held by the circuit breaker: {after}; probes: {policy.probes}, {policy.probe_seconds:g} s apart")
    _print_limits(limits, asset)
    if not path.is_file():
        click.echo(f"these are the defaults: {path} is not there")


def _read(path: Path) -> tuple[Policies, Limits]:
    """Both parts of the file. Raises ``RetryFileError`` with the mistakes of both."""
    policies, limits = Policies(), Limits()
    problems: set[Problem] = set()
    try:
        policies = read_policies(path)
    except InvalidFile as error:
        problems |= {*error.problems}
    try:
        limits = read_limits(path)
    except InvalidFile as error:
        problems |= {*error.problems}
    if problems:
        raise RetryFileError(problems)
    return policies, limits


def _print_limits(limits: Limits, asset: str | None) -> None:
    click.echo(f"time limit of a step: {shown(limits.default.seconds)} ({limits.default.source})")
    if asset and (own := limits.said({asset: {}})) is not None:
        click.echo(f"time limit of {asset}: {shown(own.seconds)} ({own.source})")
    if limits.learned:
        least = shown(limits.least_seconds)
        click.echo(
            f"learned: {limits.factor:g} times the usual duration, at least {least}, where nothing names the asset"
        )
    else:
        click.echo("learned: no")
    click.echo(f"the tag {TAG} of an asset goes before all of these")


def _shown(delays: Sequence[float]) -> str:
    attempts = f"{len(delays) + 1}"
    return f"{attempts}: {', '.join(f'{wait:g}' for wait in delays)} s" if delays else attempts
