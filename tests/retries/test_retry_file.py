"""The file retries.yaml: what it changes, and what is told of each mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.failures import Kind
from platform_assets.retries.policy import DEFAULT, Layer, Policies
from platform_assets.retry_file import FILE, RetryFileError, read_policies
from tests.support.problems import check_mistake

GOOD = """\
infrastructure:
  in_run: {attempts: 5, first_seconds: 2}
breaker: {failures: 10}
probes: {count: 2}
assets:
  raw/orders:
    timeout:
      automation: {attempts: 3, factor: 1, jitter: 0}
    breaker: {failures: 0}
  raw/*:
    not_delivered:
      automation: {cap_seconds: 7200}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / FILE
    path.write_text(text)
    return path


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    policies = read_policies(write(tmp_path, GOOD))
    orders, items, mart = (policies.of(name) for name in ("raw/orders", "raw/items", "marts/days"))
    assert [policy.delays(Kind.INFRASTRUCTURE, Layer.IN_RUN, lambda: 0) for policy in (orders, mart)] == [
        (2, 4, 8, 16)
    ] * 2
    assert orders.delays(Kind.TIMEOUT, Layer.AUTOMATION, lambda: 1) == (300, 300)
    assert mart.delays(Kind.TIMEOUT, Layer.AUTOMATION, lambda: 0) == (300,)
    assert items.backoff(Kind.NOT_DELIVERED, Layer.AUTOMATION).cap_seconds == 7200
    assert [policy.failures for policy in (orders, items, mart)] == [0, 10, 10]
    assert {policy.probes for policy in (orders, items, mart)} == {2}
    assert mart.attempts(Kind.MEMORY, Layer.RUN_RETRIES) == DEFAULT.attempts(Kind.MEMORY, Layer.RUN_RETRIES)


def test_without_a_file_the_defaults_hold_and_a_change_is_read(tmp_path: Path) -> None:
    assert read_policies(None) == read_policies(tmp_path / FILE) == Policies()
    path = write(tmp_path, GOOD)
    assert read_policies(path).default.failures == 10
    write(tmp_path, GOOD.replace("failures: 10", "failures: 123"))
    assert read_policies(path).default.failures == 123


MISTAKES = {
    "infrastructur:\n  in_run: {}": (1, "infrastructur", "did you mean 'infrastructure'?"),
    "rejected:\n  in_run: {attempts: 3}": (1, "rejected", "no retry mends this kind"),
    "credentials: {}": (1, "credentials", "no retry mends this kind"),
    "not_delivered:\n  in_run: {attempts: 3}": (2, "not_delivered.in_run", "not retried by this layer"),
    "timeout:\n  automation: {attempt: 3}": (2, "timeout.automation.attempt", "did you mean 'attempts'?"),
    "timeout:\n  automation: {attempts: 0}": (
        2,
        "timeout.automation.attempts",
        "0 must be a whole number from 1",
    ),
    "timeout:\n  automation: {attempts: 2.5}": (2, "timeout.automation.attempts", "2.5 must be a whole number"),
    "timeout:\n  automation: {attempts: yes}": (2, "timeout.automation.attempts", "True must be a whole number"),
    "timeout:\n  automation: {jitter: 2}": (2, "timeout.automation.jitter", "must be a number from 0 to 1"),
    "timeout:\n  automation: {cap_seconds: 5}": (2, "timeout.automation.cap_seconds", "is below first_seconds (300)"),
    "timeout: 3": (1, "timeout", "must be a mapping"),
    "breaker: {failures: -1}": (1, "breaker.failures", "-1 must be a whole number from 0"),
    "assets:\n  raw/a:\n    assets: {}": (3, "assets.raw/a.assets", "is not a key here"),
    "assets: [raw/a]": (1, "assets", "must be a mapping"),
    "": (1, "", "the file is empty"),
    "a: [": (1, "", "is not valid YAML"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RetryFileError) as caught:
        read_policies(path)
    check_mistake(caught.value, path, MISTAKES[text])


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RetryFileError) as caught:
        read_policies(write(tmp_path, "bug: {}\ntimeout:\n  automation: {attempts: 99, jitter: x}\n"))
    assert [problem.key for problem in caught.value.problems] == [
        "bug",
        "timeout.automation.attempts",
        "timeout.automation.jitter",
    ]


def retries(path: Path, *words: str, code: int = 0) -> str:
    """What the command prints of the file, after it has ended with the ``code``."""
    done = CliRunner().invoke(main, ["retries", *words, "--file", str(path)])
    assert done.exit_code == code, done.output
    return done.output


def test_a_command_prints_the_policy_of_an_asset(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    shown = retries(path, "raw/orders")
    assert "3: 300, 300 s" in shown
    assert "never" in shown
    path.write_text("bugs: {}")
    refused = retries(path, code=1)
    assert f"{path}:1: bugs" in refused


def test_a_command_prints_the_time_limits_and_refuses_wrong_ones(tmp_path: Path) -> None:
    path = write(tmp_path, "limits:\n  default: 2h\n  learned: {factor: 5}\n  assets: {raw/orders: 90s}\n")
    printed = retries(path, "raw/orders")
    assert "time limit of a step: 2 h (retries.yaml: limits.default)" in printed
    assert "time limit of raw/orders: 90 s (retries.yaml: limits.assets.raw/orders)" in printed
    assert "learned: 5 times the usual duration, at least 30 m" in printed
    path.write_text("bugs: {}\nlimits: {default: 2 hours}\n")
    refused = retries(path, code=1)
    assert f"{path}:1: bugs" in refused
    assert f"{path}:2: limits.default" in refused
