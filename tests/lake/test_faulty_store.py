"""Deliveries and a lake on a store that fails now and then: every partition is ingested, once and exactly."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from demo.object_store import S3Server
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.conditional_writes import NoConditionalWrites
from platform_assets.lake.versions import newest
from platform_assets.landing.found import Completeness
from platform_assets.landing.landing import FileNames
from platform_assets.landing.objects import LandingObjects
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.stores.objects import Objects
from tests.lake.test_stage_commit_reject import COLUMNS, table, words
from tests.support.campaigns import times
from tests.support.day_names import by_day
from tests.support.faulty_server import FAULTS, faulty_server

DELIVERIES = times(12)


@pytest.mark.slow
@pytest.mark.parametrize("lake", ["s3"], indirect=True)
def test_a_third_of_the_requests_may_fail(
    lake: Any, s3: S3Server, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = make_contract(COLUMNS)
    landing = Objects(lake.url.replace("/lake", "/landing"))
    names = FileNames("feed", ArrivalPattern("feed/%Y-%m-%d.csv"), by_day, Completeness(0))
    with faulty_server(s3.port, share=0.3) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        for number in range(DELIVERIES):
            landing.upload("feed/2013-01-01.csv", lake.file("a.csv", table(str(number), 2_000)))
            place = LandingObjects(landing.url, names)
            found = place.deliveries({"2013-01-01"}, now_ns=time.time_ns() + 10**9)
            assert not found.faults
            manifest = ingest(contract=contract, delivery=found.deliveries["2013-01-01"], lake=lake.store,
                              pseudonym_key=None)  # fmt: skip
            assert manifest.rows_out + manifest.rows_quarantined == manifest.rows_in
            assert words(lake) == {str(number)}
        assert newest(Objects(lake.url), "feed", "2013-01-01").number == DELIVERIES, "each was committed once"
    assert set(server.met) == {*FAULTS, "none"}


@pytest.mark.parametrize("lake", ["s3"], indirect=True)
def test_a_store_that_replaces_what_is_there_is_refused(
    lake: Any, s3: S3Server, make_contract: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    contract, path = make_contract(COLUMNS), lake.file("a.csv", table("x"))
    with faulty_server(s3.port, ignored=frozenset({"if-none-match"})) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        with pytest.raises(NoConditionalWrites, match="If-None-Match"):
            lake.ingest(contract, path)
        assert list(Objects(lake.url).listed()) == [], "nothing is left of the attempt"
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.variables["AWS_ENDPOINT_URL"])
    lake.ingest(contract, path)
    assert words(lake) == {"x"}
