"""A fault of the machine is no fault of the delivery: nothing is rejected, and the next try finds all as it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from platform_assets.contracts.identifiers import sql_text
from platform_assets.lake import parquet, plain_files, reading
from platform_assets.lake.manifest import read_rejection
from platform_assets.lake.rejection import DeliveryRejected, IngestionError

COLUMNS = [{"name": "n", "logicalType": "integer"}, {"name": "t", "logicalType": "string"}]
FAULTS = [errno.EMFILE, errno.ENFILE, errno.EIO, errno.EACCES, errno.ESTALE]


def deliver(lake: Any, form: str) -> Path:
    path: Path = lake.landing / "a"
    if form == "parquet":
        with duckdb.connect() as engine:
            engine.execute(f"COPY (SELECT 1::BIGINT AS n, 'x' AS t) TO {sql_text(str(path))} (FORMAT parquet)")
    else:
        path.write_text('{"n":1,"t":"x"}\n' if form == "json" else "n,t\n1,x\n")
    return path


def no_trace(lake: Any, contract: Any, path: Path) -> None:
    """After the fault nothing is recorded, and once it is over the delivery is taken."""
    assert read_rejection(lake.path, "feed", "2013-01-01") is None
    assert lake.rows(lake.ingest(contract, path)) == [(1, "x")]


@pytest.mark.parametrize("number", FAULTS)
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_file_that_cannot_be_opened_is_not_rejected(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, form: str, number: int
) -> None:
    contract, path = make_contract(COLUMNS, form=form), deliver(lake, form)

    class Os:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def open(self, *_: Any) -> int:
            raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(plain_files, "os", Os())
        with pytest.raises(IngestionError, match="nothing was changed"):
            lake.ingest(contract, path)
    no_trace(lake, contract, path)


@pytest.mark.parametrize("number", FAULTS)
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_nor_is_one_that_the_engine_cannot_open(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, form: str, number: int
) -> None:
    contract, path = make_contract(COLUMNS, form=form), deliver(lake, form)

    def fail(*_: Any) -> Any:
        raise duckdb.IOException(f'IO Error: Cannot open file "{path}": {os.strerror(number)}')

    with monkeypatch.context() as patch:
        patch.setattr(reading, "judge", fail)
        with pytest.raises(IngestionError, match="nothing was changed"):
            lake.ingest(contract, path)
    no_trace(lake, contract, path)


@pytest.mark.parametrize("fault", [duckdb.OutOfMemoryException("x"), duckdb.IOException(os.strerror(errno.EMFILE))])
def test_nor_is_parquet_whose_footer_cannot_be_read(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, fault: duckdb.Error
) -> None:
    contract, path = make_contract(COLUMNS, form="parquet"), deliver(lake, "parquet")
    good = parquet.open_parquet

    class Engine:
        def execute(self, *_: Any) -> Any:
            raise fault

    with monkeypatch.context() as patch:
        patch.setattr(
            reading, "open_parquet", lambda contract, footers, _, copy: good(contract, footers, Engine(), copy)
        )  # type: ignore[arg-type]
        with pytest.raises(IngestionError, match="nothing was changed"):
            lake.ingest(contract, path)
    no_trace(lake, contract, path)


@pytest.mark.parametrize(("number", "code"), [(errno.ENOENT, "file:missing"), (errno.ELOOP, "file:not_regular")])
def test_a_file_taken_away_or_made_a_link_at_the_last_moment_is_rejected(
    lake: Any, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    path = deliver(lake, "csv")
    seen = plain_files.check_version

    def changed(file: Any) -> None:
        seen(file)
        path.unlink()
        if number == errno.ELOOP:
            path.symlink_to(lake.landing)

    monkeypatch.setattr(plain_files, "check_version", changed)
    with pytest.raises(DeliveryRejected) as caught:
        lake.ingest(make_contract(COLUMNS), path)
    assert caught.value.code == code
