"""docs/partitions.md: each pattern fits its partitions, and its file is of the key that the page says."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest
import yaml

from platform_assets.components.file_feed import FileFeed
from platform_assets.feeds.fit import check_fit
from platform_assets.feeds.partition_names import partition_key_of
from platform_assets.feeds.partitions import WORDS
from platform_assets.landing.patterns import ArrivalPattern

PAGE = (Path(__file__).parents[2] / "docs" / "partitions.md").read_text(encoding="utf-8")
SECTIONS = {part.splitlines()[0]: part for part in PAGE.split("\n## ")[1:]}


def test_each_type_has_a_section_with_a_launch_line() -> None:
    assert set(WORDS) <= SECTIONS.keys()
    for kind in WORDS:
        assert re.search(r"platform-assets (launch|ingest) ", SECTIONS[kind]), kind


@pytest.mark.parametrize("kind", WORDS)
def test_the_file_of_a_section_is_of_its_key(kind: str) -> None:
    text = SECTIONS[kind].split("```yaml\n")[1].split("```")[0]
    feed = FileFeed.resolve_from_yaml(text)
    pattern = ArrivalPattern(feed.files)
    check_fit(pattern, feed.partitions, "files")
    file, key = re.findall(r"^`([^`]+)` is the partition `([^`]+)`", SECTIONS[kind], re.MULTILINE)[0]
    token = pattern.token(file)
    assert token is not None
    match = pattern.read(token)
    assert match is not None
    assert partition_key_of(feed.partitions)(match) == key
    if not isinstance(feed.partitions, dg.DynamicPartitionsDefinition):
        assert feed.partitions is not None
        assert feed.partitions.has_partition_key(key)


def test_the_yaml_of_the_page_is_yaml() -> None:
    for block in PAGE.split("```yaml\n")[1:]:
        assert "files" in yaml.safe_load(block.split("```")[0])
