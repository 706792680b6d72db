"""Partitions whose delivery is gone, written anew from the lake: as if they had been ingested again, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from platform_assets.contracts.model import Contract
from platform_assets.failpoints import armed
from platform_assets.ingestion.rewriting import LakeRewriter
from platform_assets.ingestion.rewriting_plan import NotInTheLake
from platform_assets.lake.errors import DataUnreadable, DeliveryRejected
from platform_assets.lake.manifest import Manifest
from platform_assets.stores.objects import Objects
from tests.lake.test_objects import crash
from tests.lake.test_stage_commit_reject import Crash
from tests.support.lake import KEY, Lake, everywhere, key_of

DAY = "2013-01-01"
HASH, MASK, DROP = (
    {"customProperties": [{"property": "protection", "value": how}]} for how in ("hash", "mask", "drop")
)
ROWS = "id,mail,qty,at\n1,ann@example.org,7,2013-01-01\n2,,8,2013-01-02\n3,cem@example.org,,2013-01-03\nx,bad,1,y\n"


def columns(**changes: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The columns of a feed; a change of one is merged into it, None leaves it out, an unknown one is added."""
    found: dict[str, dict[str, Any]] = {
        "id": {"logicalType": "integer", "primaryKey": True},
        "mail": {"logicalType": "string", "logicalTypeOptions": {"pattern": ".+@.+"}},
        "qty": {"logicalType": "integer"},
        "at": {"logicalType": "date"},
    }
    for name, change in changes.items():
        if change is None:
            del found[name]
        else:
            found[name] = {**found.get(name, {}), **change}
    return [{"name": name, **column} for name, column in found.items()]


def rewrite(lake: Lake, contract: Contract, key: bytes = KEY) -> Manifest:
    with LakeRewriter(lake=lake.store, pseudonym_key=key) as rewriter:
        return rewriter.rewrite(contract=contract, partition=key_of(DAY)).manifest


SAME_AS_INGESTED: Sequence[Any] = (
    pytest.param({"mail": HASH}, id="hashed"),
    pytest.param({"mail": MASK}, id="masked"),
    pytest.param({"mail": DROP}, id="dropped"),
    pytest.param({"id": HASH}, id="a hashed integer of the key"),
    pytest.param({"id": DROP}, id="a dropped key"),
    pytest.param({"qty": {"logicalType": "number"}}, id="a wider type"),
    pytest.param({"qty": {"logicalType": "string"}}, id="a number as text"),
    pytest.param({"at": {"logicalType": "string"}, "mail": HASH}, id="a day as text"),
    pytest.param({"more": {"logicalType": "string"}}, id="a new column"),
    pytest.param({"qty": None}, id="a removed column"),
)


@pytest.mark.parametrize("changes", SAME_AS_INGESTED)
def test_it_holds_what_the_delivery_ingested_again_would(
    lake: Lake, make_contract: Callable[..., Any], changes: dict[str, Any]
) -> None:
    terms = {"missingColumns": "tolerated", "extraColumns": "tolerated"}
    new = make_contract(columns(**changes), terms=terms)
    made = lake.ingest(make_contract(columns(), terms=terms), lake.file("a.csv", ROWS))
    written = rewrite(lake, new)
    rows = lake.rows(written)
    assert (written.rows_in, written.rows_out, written.rows_quarantined) == (4, 3, 1)
    protects = "customProperties" in str(changes)
    assert (written.rows_purged, written.rewritten) == (int(protects), protects), "what was quarantined goes, or stays"
    assert [row.raw for row in lake.quarantined()] == ([] if protects else ["x,bad,1,y"])
    assert (written.delivery_version, written.reasons) == (made.delivery_version, made.reasons)
    assert rewrite(lake, new) == written, "it is what the contract asks for"
    again = lake.ingest(new, lake.landing / "a.csv", force=True)
    assert (again.columns, again.protections) == (written.columns, written.protections)
    assert rows == lake.rows(again)


@pytest.mark.parametrize("lake", ["folder", "s3"], indirect=True)
@pytest.mark.parametrize("damage", ["its end", "a page"])
def test_a_damaged_file_is_named_where_it_lies(lake: Lake, make_contract: Callable[..., Any], damage: str) -> None:
    text = "id,mail,qty,at\n" + "".join(f"{n},a{n}@example.org,{n * 7919},2013-01-01\n" for n in range(5_000))
    made = lake.ingest(make_contract(columns()), lake.file("a.csv", text))
    (name,) = made.data_files
    with lake.store.fetched([name]) as (path,):
        content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2_000] = bytes(2_000)
    lake.file("damaged", bytes(content) if damage == "a page" else bytes(content[:-40]))
    if lake.url:
        Objects(lake.url).upload(name, lake.landing / "damaged")
    else:
        (lake.landing / "damaged").rename(lake.path / name)
    with pytest.raises(DataUnreadable) as raised:
        rewrite(lake, make_contract(columns(mail=HASH)))
    assert str(raised.value).startswith(f"{lake.url or lake.path}/{name}: is damaged (")
    assert "platform-assets-" not in str(raised.value)


def test_days_become_the_moments_that_they_begin_at(lake: Lake, make_contract: Callable[..., Any]) -> None:
    lake.ingest(make_contract(columns()), lake.file("a.csv", ROWS))
    written = rewrite(lake, make_contract(columns(at={"logicalType": "timestamp"})))
    assert [str(row[3]) for row in lake.rows(written)] == [f"2013-01-0{day} 00:00:00" for day in (1, 2, 3)]


@everywhere
def test_rows_that_no_longer_fit_are_quarantined_with_what_is_protected(
    lake: Lake, make_contract: Callable[..., Any]
) -> None:
    names = columns(qty={"logicalType": "string"})
    rows = "id,mail,qty,at\n1,ann@example.org,7,2013-01-01\n2,ben@example.org,seven,2013-01-01\n"
    lake.ingest(make_contract(names), lake.file("a.csv", rows))
    written = rewrite(lake, make_contract(columns(mail=HASH)))
    assert (written.rows_out, written.reasons) == (1, {"type:qty": 1})
    (row,) = lake.quarantined()
    assert (row.reasons, row.line) == (("type:qty",), 2)
    assert "seven" in row.raw
    assert "ben@" not in row.raw
    manifest = lake.ingest(make_contract(columns(mail=HASH)), lake.landing / "a.csv", force=True)
    assert lake.rows(manifest) == lake.rows(written)


def test_too_many_of_them_reject_and_leave_what_was(lake: Lake, make_contract: Callable[..., Any]) -> None:
    rows = "id,mail,qty,at\n1,ann@example.org,seven,2013-01-01\n"
    made = lake.ingest(make_contract(columns(qty={"logicalType": "string"})), lake.file("a.csv", rows))
    with pytest.raises(DeliveryRejected, match="written anew from the lake: 1 of 1 rows"):
        rewrite(lake, make_contract(columns(mail=HASH), terms={"quarantineLimit": 0.5}))
    assert lake.store.manifest("feed", DAY) == made
    rejection = lake.store.rejection("feed", DAY)
    assert rejection is not None
    assert "ann@" not in lake.quarantined()[0].raw


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (HASH, {}, "was protected by hash"),
        (MASK, HASH, "was protected by mask"),
        (DROP, {}, "was dropped"),
        (DROP, MASK, "was dropped"),
    ],
)
def test_what_was_never_written_in_clear_is_refused(
    lake: Lake, make_contract: Callable[..., Any], before: dict[str, Any], now: dict[str, Any], why: str
) -> None:
    made = lake.ingest(make_contract(columns(mail=before)), lake.file("a.csv", ROWS))
    with pytest.raises(NotInTheLake, match=f"column 'mail' {why}.*into the landing folder"):
        rewrite(lake, make_contract(columns(mail=now)))
    assert lake.store.manifest("feed", DAY) == made


def test_a_new_column_that_is_required_and_another_key_are_refused(
    lake: Lake, make_contract: Callable[..., Any]
) -> None:
    lake.ingest(make_contract(columns(mail=HASH)), lake.file("a.csv", ROWS))
    with pytest.raises(NotInTheLake, match="column 'mail' was hashed with another key; column 'more' is required"):
        rewrite(lake, make_contract(columns(mail=HASH, more={"logicalType": "string", "required": True})), b"x" * 32)


def test_a_stronger_protection_is_made_of_a_weaker_one(lake: Lake, make_contract: Callable[..., Any]) -> None:
    lake.ingest(make_contract(columns(mail=HASH)), lake.file("a.csv", ROWS))
    assert [row[1] for row in lake.rows(rewrite(lake, make_contract(columns(mail=MASK))))] == ["***", None, "***"]
    written = rewrite(lake, make_contract(columns(mail=DROP)))
    assert [name for name, _ in written.columns] == ["id", "qty", "at"]


def test_a_record_of_an_earlier_version_is_refused(lake: Lake, make_contract: Callable[..., Any]) -> None:
    made = lake.ingest(make_contract(columns()), lake.file("a.csv", ROWS))
    (lake.path / "feed" / DAY / "manifest.json").write_bytes(replace(made, protections=None).to_json())
    with pytest.raises(NotInTheLake, match="--against"):
        rewrite(lake, make_contract(columns(mail=HASH)))


def test_values_inside_json_are_protected_once(lake: Lake, make_contract: Callable[..., Any]) -> None:
    def contract(**how: dict[str, Any]) -> Contract:
        parts = [{"name": name, "logicalType": "string", **how.get(name, {})} for name in ("mail", "phone", "town")]
        return make_contract([{"name": "who", "logicalType": "object", "properties": parts}], form="jsonl")

    text = '{"who": {"mail": "ann@example.org", "phone": "0123456789", "town": "Ulm"}}\n{"who": null}\n'
    lake.ingest(contract(mail=HASH), lake.file("a.jsonl", text))
    written = lake.rows(rewrite(lake, contract(mail=HASH, phone=MASK)))
    again = lake.rows(lake.ingest(contract(mail=HASH, phone=MASK), lake.landing / "a.jsonl", force=True))
    assert written == again
    assert "***" in str(written)
    with pytest.raises(NotInTheLake, match="inside column 'who'"):
        rewrite(lake, contract(phone=MASK))


@everywhere
@pytest.mark.parametrize("point", ["lake.rewrite.read", "lake.commit.before_rename", "lake.commit.after_rename"])
def test_killed_it_is_old_or_new(lake: Lake, make_contract: Callable[..., Any], point: str) -> None:
    made = lake.ingest(make_contract(columns()), lake.file("a.csv", ROWS))
    new = make_contract(columns(mail=MASK))
    with armed(point, crash), pytest.raises(Crash):
        rewrite(lake, new)
    kept = lake.store.manifest("feed", DAY)
    assert kept is not None
    assert (kept == made) is (point != "lake.commit.after_rename")
    assert len(lake.rows(kept)) == 3
    assert [row[1] for row in lake.rows(rewrite(lake, new))] == ["***", None, "***"]
