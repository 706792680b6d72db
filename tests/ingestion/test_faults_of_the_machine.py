"""A fault of the machine is no fault of the delivery: nothing is rejected, and the next try finds all as it was."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import pytest

from platform_assets.formats import plain_files
from platform_assets.formats.duckdb_errors import is_of_machine
from platform_assets.formats.parquet import format as parquet_format
from platform_assets.formats.parquet import reader as parquet
from platform_assets.ingestion import reading
from platform_assets.lake.errors import DeliveryRejected, IngestionError, RecordUnreadable
from platform_assets.lake.json_records import read_record
from platform_assets.lake.manifest import Manifest, read_rejection
from platform_assets.sql.literals import literal
from platform_assets.warehouse.duckdb.errors import translated
from platform_assets.warehouse.errors import StatementFailed

COLUMNS = [{"name": "n", "logicalType": "integer"}, {"name": "t", "logicalType": "string"}]
FAULTS = [errno.EMFILE, errno.ENFILE, errno.EIO, errno.EACCES, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN]


OF_WHO_ASKED = {errno.ENOENT, errno.EINVAL, errno.EDOM, errno.ERANGE}
"""What a damaged or missing file, or a value, makes the system say."""


@pytest.mark.parametrize("number", sorted(errno.errorcode))
@pytest.mark.parametrize("said", ['Cannot open file "/l/f.parquet": {}', 'Could not read from file "/l/f": {}', "{}"])
def test_what_the_system_says_of_itself_is_no_fault_of_the_data(number: int, said: str) -> None:
    text = said.format(os.strerror(number))
    of_machine = number not in OF_WHO_ASKED
    for prefix in ("", "IO Error: "):
        for kind in (duckdb.IOException, duckdb.Error):
            assert is_of_machine(kind(prefix + text)) == of_machine
    for kind in (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.BinderException):
        assert is_of_machine(kind(text)) == (number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)), "it quotes a value"


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_the_lake_and_the_warehouse_have_one_rule(number: int) -> None:
    error = duckdb.Error(f'Could not read from file "/l/f": {os.strerror(number)}')
    assert is_of_machine(error) != isinstance(translated(error, Path("/w.duckdb")), StatementFailed)


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_a_record_is_replaced_only_where_its_own_file_is_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """One that the network, or a process without memory or descriptors, cannot give is as good as ever."""
    path = tmp_path / "manifest.json"
    fault = OSError(number, os.strerror(number))
    monkeypatch.setattr("platform_assets.lake.json_records._content", Mock(side_effect=fault))
    if isinstance(fault, (FileNotFoundError, NotADirectoryError)):
        assert read_record(path, Manifest.from_json, "feed", "day") is None
        return
    with pytest.raises(RecordUnreadable, match=re.escape(os.strerror(number))) as caught:
        read_record(path, Manifest.from_json, "feed", "day")
    damaged = {"EIO", "EACCES", "EPERM", "EISDIR", "ELOOP", "ENXIO", "EINVAL", "EBADMSG"}
    assert caught.value.replaceable == (errno.errorcode[number] in damaged)


def deliver(lake: Any, form: str) -> Path:
    path: Path = lake.landing / "a"
    if form == "parquet":
        with duckdb.connect() as engine:
            engine.execute(f"COPY (SELECT 1::BIGINT AS n, 'x' AS t) TO {literal(str(path))} (FORMAT parquet)")
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
        patch.setattr(reading, "validate", fail)
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
            parquet_format, "open_parquet", lambda contract, footers, _, copy: good(contract, footers, Engine(), copy)
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
