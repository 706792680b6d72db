"""Which limit holds for an asset, and what is told of mistakes in the file."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from platform_assets.components.history import earlier_steps
from platform_assets.components.step_limits import install
from platform_assets.limits.durations import seconds_of, shown
from platform_assets.limits.limits_file import LimitsError, read_limits
from platform_assets.limits.policy import DEFAULT, TAG, Earlier, Limits
from tests.support.problems import check_mistake

GOOD = """\
timeout:
  automation: {attempts: 3}
limits:
  default: 2h
  learned: {factor: 5, least: 10m}
  assets:
    raw/orders: 90s
    raw/*: 1h
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "retries.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("text", "seconds"), [(90, 90), ("90s", 90), ("1.5h", 5400), ("15 m", 900), ("1d", 86_400)])
def test_durations(text: object, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "0s", -1, True, None, "31d", "90 min", "1e3"])
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match=r"must be a duration above 0, at most 30 days"):
        seconds_of(text)


def test_a_duration_is_shown_in_its_largest_whole_unit() -> None:
    assert [shown(seconds) for seconds in (90, 900, 21_600, 86_400, 0.5)] == ["90 s", "15 m", "6 h", "1 d", "0.5 s"]


def test_the_tag_wins_over_the_file_and_the_file_over_history(tmp_path: Path) -> None:
    limits = read_limits(write(tmp_path, GOOD))
    own = limits.said({"raw/orders": {TAG: "5m"}})
    assert own is not None
    assert (own.seconds, own.source) == (300, f"the tag {TAG} of raw/orders")
    of_file = limits.said({"raw/orders": {}})
    assert of_file is not None
    assert (of_file.seconds, of_file.source) == (90, "retries.yaml: limits.assets.raw/orders")
    assert limits.said({"marts/days": {}}) is None
    assert limits.default.seconds == 7200
    learned = limits.of_history([Earlier(300, 1)] * 3, 1)
    assert learned is not None
    assert (learned.seconds, learned.source) == (1500, "5 times its usual duration of 300 s")


def test_a_step_of_several_assets_has_the_largest_of_what_they_say() -> None:
    found = Limits().said({"a": {TAG: "5m"}, "b": {TAG: "10m"}, "c": {}})
    assert found is not None
    assert (found.seconds, found.source) == (600, f"the tag {TAG} of b")


def test_a_learned_limit_grows_with_the_partitions_and_needs_three_runs() -> None:
    limits = Limits()
    assert limits.of_history([Earlier(60, 1)] * 2, 1) is None
    assert limits.of_history([Earlier(60, 1)] * 3, 1).seconds == 1800
    assert limits.of_history([Earlier(60, 1)] * 3, 365).seconds == 10 * 60 * 365
    assert Limits(learned=False).of_history([Earlier(60, 1)] * 3, 1) is None


def test_history_is_that_of_the_steps_that_succeeded(tmp_path: Path) -> None:
    @dg.asset
    def made() -> None:
        if (tmp_path / "fail").exists():
            raise ValueError

    with dg.instance_for_test() as instance:
        for _ in range(3):
            dg.materialize([made], instance=instance)
        (tmp_path / "fail").touch()
        dg.materialize([made], instance=instance, raise_on_error=False)
        found = earlier_steps(instance, dg.AssetKey("made"), "made")
    assert [step.partitions for step in found] == [1, 1, 1]
    assert all(0 <= step.seconds < 60 for step in found)


def test_without_a_file_or_section_every_asset_has_six_hours(tmp_path: Path) -> None:
    for path in (None, tmp_path / "retries.yaml", write(tmp_path, "timeout: {}")):
        assert read_limits(path).default == DEFAULT
    assert DEFAULT.seconds == 6 * 3600


MISTAKES = {
    "limits:\n  defaults: 1h": (2, "limits.defaults", "did you mean 'default'?"),
    "limits:\n  default: soon": (2, "limits.default", "'soon' must be a duration"),
    "limits:\n  assets:\n    raw/a: 0": (3, "limits.assets.raw/a", "0 must be a duration above 0"),
    "limits:\n  assets: [raw/a]": (2, "limits.assets", "must be a mapping"),
    "limits:\n  learned: {factor: 1}": (2, "limits.learned.factor", "1 must be a number above 1, at most 1000"),
    "limits:\n  learned: {most: 3}": (2, "limits.learned.most", "is not a key here"),
    "limits: 3": (1, "limits", "must be a mapping"),
    "a: [": (1, "", "is not valid YAML"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_file_line_and_key_when_definitions_are_loaded(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(LimitsError) as caught:
        install(path)
    check_mistake(caught.value, path, MISTAKES[text])
