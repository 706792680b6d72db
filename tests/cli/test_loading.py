"""What a command says of definitions that cannot be loaded: one line with the file, the line and the word."""

import sys
from pathlib import Path

import click
import pytest

from platform_assets.cli.loading import load_definitions
from tests.support.projects import write_project
from tests.support.shop import CONTRACT, FEED

COLUMNS = "      - {name: id, logicalType: integer}\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("  filez: x\n", "orders/defs.yaml:5: filez: Extra inputs"),
        (
            "  partitions: {type: static, keys: [a]}\n",
            "defs.yaml:5: partitions: keys is no word of type static, which has partition_keys",
        ),
        ("  partitions: {type: daily, start_date: soon}\n", "orders/defs.yaml"),
    ],
)
def test_the_file_and_the_word_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, expected: str
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "somebody"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", list(sys.path))
    text = CONTRACT.format(name="orders", columns=COLUMNS)
    feed = FEED.format(files="orders.csv") + more
    write_project(tmp_path, {"orders/defs.yaml": feed, "orders/contract.yaml": text})
    with pytest.raises(click.ClickException) as raised:
        load_definitions(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "somebody"]:
        del sys.modules[name]
    assert expected in raised.value.message
    assert "\n" not in raised.value.message
