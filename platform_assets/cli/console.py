"""The console that tables are printed on."""

from __future__ import annotations

from rich.console import Console


def table_console(width: int = 200) -> Console:
    """As wide as the terminal; ``width`` where the output goes to a file: folded columns are hard to search."""
    console = Console()
    return console if console.is_terminal else Console(width=width)
