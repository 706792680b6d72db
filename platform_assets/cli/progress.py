"""The bar of commands that go through many partitions."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


def partitions_bar(console: Console, *, transient: bool = True) -> Progress:
    """What is being done, how many of how many, and the time since; removed at its end if ``transient``."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=transient,
    )
