"""A run of many slow tests that ends in time: none is begun after ``--seconds``, and ``--order`` says which come first.

Files are taken in an order made from the word of ``--order``, so that runs with other words begin with other files.
"""

from __future__ import annotations

import hashlib
import time

import pytest

NOT_BEGUN = "not begun, the seconds of this run were over"


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("budget")
    group.addoption("--seconds", type=float, help="begin no test after so many seconds")
    group.addoption("--order", help="any word: take the files in an order made from it")


class Budget:
    """Skips what would begin too late, in each worker by its own clock, and counts it for the summary."""

    def __init__(self, seconds: float | None, order: str | None) -> None:
        self.seconds = seconds
        self.order = order
        self.started = time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.order:
            order = self.order
            items.sort(key=lambda item: hashlib.sha256(f"{order} {item.path.name}".encode()).hexdigest())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        if self.seconds is not None and time.monotonic() - self.started > self.seconds:
            pytest.skip(NOT_BEGUN)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        skipped = terminalreporter.stats.get("skipped", [])
        late = sum(NOT_BEGUN in str(report.longrepr) for report in skipped)
        if late:
            terminalreporter.write_line(f"{late} tests were not begun within {self.seconds:g} s (--seconds)")
