"""The operations on objects, against real servers where these differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from obstore.store import LocalStore

from platform_assets.stores.objects import Objects


@pytest.fixture
def objects(store_url: str) -> Objects:
    return Objects(f"{store_url}/folder")


@pytest.mark.parametrize("gone", [0, 17, 39])
def test_removing_objects_removes_all_that_are_there(objects: Objects, gone: int) -> None:
    keys = [f"orders/{number:02}" for number in range(40)]
    for number, key in enumerate(keys):
        if number != gone:
            assert objects.create(key, b"x")
    objects.delete(keys)
    assert list(objects.listed()) == []


def test_of_a_store_that_stops_at_a_missing_object_all_others_are_removed(tmp_path: Path) -> None:
    objects = Objects("s3://bucket")
    vars(objects)["_store"] = LocalStore(tmp_path)
    for number in range(1, 20):
        (tmp_path / f"{number:02}").write_text("x")
    objects.delete([f"{number:02}" for number in range(20)])
    assert list(tmp_path.iterdir()) == []
