"""What has to become of each partition of a feed whose contract has changed: read again, written anew, or left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from platform_assets.contracts.domain import under_domain
from platform_assets.contracts.model import Contract
from platform_assets.ingestion.protection import protections_of
from platform_assets.ingestion.rewriting_plan import NotInTheLake, plan_rewriting
from platform_assets.lake.deliveries import Delivery
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.manifest import Manifest
from platform_assets.lake.store import Lake
from platform_assets.partition_key import PartitionKey
from platform_assets.sql.digest import contract_digest
from platform_assets.stores.objects import Objects, is_url
from platform_assets.stores.sftp import is_sftp


class Way(StrEnum):
    """What becomes of a partition: it stands, is ingested from landing, written anew from the lake, or left."""

    CURRENT = "current"
    LANDING = "landing"
    LAKE = "lake"
    LEFT = "left"


@dataclass(frozen=True)
class Standing:
    """One partition: ``why`` says what stands in the way, ``notes`` what is not as in an ingestion.

    ``protected`` are the columns, and places inside columns, of which clear values are in the lake and are not to be.
    """

    partition: str
    way: Way
    rows: int = 0
    why: str = ""
    notes: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()


def survey(
    lake: Lake, contract: Contract, deliveries: Mapping[str, Delivery], key_fingerprint: str | None,
    earlier: Sequence[Contract] = (),
) -> list[Standing]:  # fmt: skip
    """How each partition of the feed stands that is in the lake; ``deliveries`` are those of the landing folder.

    ``key_fingerprint`` is that of the pseudonym key, None for one that is not known and taken to be the same as before.
    ``earlier`` contracts tell how columns were protected where the manifests do not.
    """
    known = _known(contract, earlier)
    found = []
    for name in lake.partition_names(contract.name):
        partition = lake.partition_of(contract.name, name)
        try:
            manifest = lake.manifest(contract.name, partition)
        except RecordUnreadable as error:
            found.append(Standing(partition, Way.LEFT, why=str(error)))
            continue
        if manifest is not None:
            if manifest.protections is None and manifest.contract_digest in known:
                manifest = replace(manifest, protections=known[manifest.contract_digest])
            found.append(standing(manifest, contract, deliveries.get(partition), key_fingerprint))
    return found


def standing(
    manifest: Manifest, contract: Contract, delivery: Delivery | None, key_fingerprint: str | None
) -> Standing:
    """How one partition stands."""
    if key_fingerprint is None:
        key_fingerprint = manifest.key_fingerprint
    partition, rows = manifest.partition, manifest.rows_out
    same = manifest.contract_digest == contract_digest(contract) and manifest.key_fingerprint == key_fingerprint
    if same or manifest.state != "data":
        return Standing(partition, Way.CURRENT, rows)
    protected = newly_protected(manifest, contract)
    if delivery is not None and delivery.holds_names_of(manifest.delivery_files):
        return Standing(partition, Way.LANDING, rows, protected=protected)
    try:
        plan = plan_rewriting(manifest, contract, key_fingerprint)
    except NotInTheLake as refusal:
        return Standing(partition, Way.LEFT, rows, str(refusal), protected=protected)
    return Standing(partition, Way.LAKE, rows, notes=plan.notes, protected=protected)


def newly_protected(manifest: Manifest, contract: Contract) -> tuple[str, ...]:
    """The places that the contract protects and the partition holds in clear, or nobody knows how."""
    before = manifest.protections or {}
    return tuple(place for place in protections_of(contract) if place not in before)


def record_protections(lake: Lake, contract: Contract, earlier: Sequence[Contract]) -> int:
    """Write into manifests that do not say it how their columns were protected, by the contracts of ``earlier``.

    A contract is that of a manifest if their digests are the same. Returns how many manifests were written.
    """
    known = _known(contract, earlier)
    written = 0
    for name in lake.partition_names(contract.name):
        partition = lake.partition_of(contract.name, name)
        with lake.opened(contract.name, partition) as held:
            manifest = held.manifest
            if manifest is not None and manifest.protections is None and manifest.contract_digest in known:
                held.renew(replace(manifest, protections=known[manifest.contract_digest]))
                written += 1
    return written


def _known(contract: Contract, earlier: Sequence[Contract]) -> dict[str, dict[str, str]]:
    """How contracts of earlier revisions protect, by the digest that they may have had: under the feed's domain, with
    its format of files."""
    found = [*earlier, *(under_domain(each) for each in earlier if each.domain and contract.key)]
    found += [replace(each, format=replace(each.format, kind=contract.format.kind)) for each in found]
    return {contract_digest(each): protections_of(each) for each in found}


def deliveries_still_there(lake: Lake, contract: Contract) -> dict[str, Delivery]:
    """The deliveries of which every file is where it was read from, for who does not know the landing folder.

    Files on an SFTP server are not looked for: they count as being there.
    """
    found = {}
    for name in lake.partition_names(contract.name):
        try:
            manifest = lake.manifest(contract.name, lake.partition_of(contract.name, name))
        except RecordUnreadable:
            continue
        if manifest is not None and all(_is_there(file.path) for file in manifest.delivery_files):
            key = PartitionKey(manifest.partition)
            found[manifest.partition] = Delivery(contract.name, key, manifest.delivery_files)
    return found


def _is_there(path: str) -> bool:
    if is_url(path):
        folder, _, name = path.rpartition("/")
        return Objects(folder).exists(name)
    return is_sftp(path) or Path(path).is_file()


def counts(standings: Sequence[Standing]) -> Counter[Way]:
    """How many partitions go which way."""
    return Counter(each.way for each in standings)
