"""The platform's log lines know their feed, partition and run, in threads too, and hold no value of a row."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from platform_assets.environment import InvalidEnvironment, read_environment
from platform_assets.failures import failure_of
from platform_assets.ingestion.ingestor import ingest
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.logs import PACKAGE, forwarded, in_this_context, in_words, log_context, logger
from tests.support.lake import Lake

log = logger(f"{PACKAGE}.tests")


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger=PACKAGE)


def of(record: Any) -> tuple[str, str, str]:
    return record.feed, record.partition, record.run


def test_a_record_knows_what_it_belongs_to(caplog: pytest.LogCaptureFixture) -> None:
    log.info("outside")
    with log_context(feed="orders", run="r1"), log_context(partition="2024-01-01"):
        log.info("%d rows", 3)
    log.info("after")
    assert [of(record) for record in caplog.records] == [("", "", ""), ("orders", "2024-01-01", "r1"), ("", "", "")]
    assert [in_words(record) for record in caplog.records] == [
        "outside",
        "3 rows [feed=orders partition=2024-01-01]",
        "after",
    ]


def test_threads_keep_apart_what_they_work_on(caplog: pytest.LogCaptureFixture) -> None:
    together = threading.Barrier(4)

    def work(partition: str) -> None:
        with log_context(partition=partition):
            together.wait(60)
            log.info("of %s", partition)

    with ThreadPoolExecutor(4) as pool, log_context(feed="orders", run="r1"):
        list(pool.map(in_this_context(work), "abcd"))
    assert sorted(of(record) for record in caplog.records) == [("orders", key, "r1") for key in "abcd"]
    assert all(record.getMessage() == f"of {of(record)[1]}" for record in caplog.records)


def test_a_forwarded_line_is_valid_text_whatever_a_partition_is_called(caplog: pytest.LogCaptureFixture) -> None:
    run = logging.getLogger("the log of a run")
    with caplog.at_level(logging.DEBUG, logger=run.name), forwarded(run), log_context(partition="\udcff"):
        log.info("found")
        log.debug("not at this level")
        logger(f"{PACKAGE}.instance.event_log").warning("comes round again")
    forward = [record.getMessage() for record in caplog.records if record.name == run.name]
    assert forward == ["found [partition=\\udcff]"]
    assert not logging.getLogger(PACKAGE).handlers


def test_the_level_of_an_environment_is_one_of_two(tmp_path: Path) -> None:
    assert read_environment({}, cwd=tmp_path).log_level == "INFO"
    assert read_environment({"PLATFORM_LOG_LEVEL": "DEBUG"}, cwd=tmp_path).log_level == "DEBUG"
    with pytest.raises(InvalidEnvironment, match="PLATFORM_LOG_LEVEL is 'loud'; it must be one of: DEBUG, INFO"):
        read_environment({"PLATFORM_LOG_LEVEL": "loud"}, cwd=tmp_path)


SECRETS = ("Ada Lovelace", "ada@example.org", "555-0100")
HASHED = [{"property": "protection", "value": "hash"}]
PERSONAL = [
    {"name": "id", "logicalType": "integer", "required": True},
    {"name": "name", "logicalType": "string", "classification": "personal", "customProperties": HASHED},
    {"name": "mail", "logicalType": "string", "classification": "personal", "customProperties": HASHED},
]


def test_no_line_holds_a_value(lake: Lake, make_contract: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    name, mail, phone = SECRETS
    contract = make_contract(PERSONAL)
    lake.ingest(contract, lake.file("good.csv", f"id,name,mail\n1,{name},{mail}\n{phone},{name},{mail}\n"))
    lake.ingest(contract, lake.file("more.csv", f'id,name,mail\n1,{name},"{mail}\n{phone},{name},{mail}\n'))
    strict = make_contract(PERSONAL, terms={"quarantineLimit": 0})
    broken = lake.delivery(lake.file("bad.csv", f"id,name,mail\n{phone},{name},{mail}\n"), partition="2013-01-02")
    with pytest.raises(DeliveryRejected):
        ingest(contract=strict, delivery=broken, lake=lake.path, pseudonym_key=b"k" * 32)
    seen = [logging.Formatter().format(record) for record in caplog.records]
    assert any("1 quarantined" in line for line in seen)
    assert any("not ingested: rejected quarantine_limit" in line for line in seen)
    assert not [line for line in seen for secret in SECRETS if secret in line]


def test_neither_does_the_line_of_an_error_that_nobody_thought_of(caplog: pytest.LogCaptureFixture) -> None:
    def fails(value: str) -> None:
        raise ValueError(f"cannot read {value}") from KeyError(value)

    for secret in SECRETS:
        try:
            fails(secret)
        except ValueError as error:
            failure_of(error)
    seen = [logging.Formatter().format(record) for record in caplog.records]
    assert len(seen) == len(SECRETS)
    assert all("ValueError" in line and "in fails" in line for line in seen)
    assert not [line for line in seen for secret in SECRETS if secret in line]
