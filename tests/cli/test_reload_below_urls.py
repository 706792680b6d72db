"""`platform-assets reload` of a feed whose lake and quarantine are objects below URLs."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from demo.object_store import S3Server
from platform_assets.stores.objects import Objects
from tests.cli.test_reload import CLEAR, HASH, clear_texts, contract, orders, publish, reload, shop
from tests.support.projects import RESOURCES


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_lake_and_a_quarantine_below_urls_are_cleared_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)
    lake, quarantine = f"{s3.bucket()}/lake", f"{s3.bucket()}/quarantine"
    with shop(tmp_path, monkeypatch) as project:
        text = RESOURCES.replace("data/lake", lake) + f"  quarantine: {quarantine}\n"
        (tmp_path / "somebody" / "defs" / "platform" / "defs.yaml").write_text(text)
        publish(project)
        contract(project, HASH)
        done = reload(project)
        assert (done.good, done.ways) == (True, {"landing": 2, "lake": 3}), done
        assert clear_texts(project) == []
        for place in (lake, quarantine):
            objects = Objects(place)
            for listed in objects.listed():
                path = tmp_path / "object"
                objects.fetch(listed.key, path)
                assert CLEAR.encode() not in path.read_bytes(), listed.key
                if listed.key.endswith(".parquet"):
                    with duckdb.connect() as engine:
                        assert CLEAR not in str(engine.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall())
        assert [len(str(row[0])) for row in orders(project, "customer")] == [32] * 15
        assert reload(project).ways == {"current": 5}
