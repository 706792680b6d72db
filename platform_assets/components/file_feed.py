"""`FileFeed`: a source that delivers files, from one contract and one pattern.

Makes the assets `landing/<feed>` (external), `lake/<feed>` and `raw/<feed>`, their checks, the arrival sensor and
the schedule that closes a partition. The words of defs.yaml are here; what they build is in the files beside.
"""

import functools
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import dagster as dg
from dagster.components.resolved.model import Resolver
from pydantic import BaseModel

from platform_assets.automation.arrival_sensor import arrival_sensor
from platform_assets.automation.closing_schedule import closing_schedule
from platform_assets.components.asset_specs import (
    TimeLimit,
    asset_spec,
    contract_metadata,
    freshness_policy,
    has_end,
    time_limit_tags,
    with_partition_column,
)
from platform_assets.components.assets.lake import lake_asset, lake_verdict
from platform_assets.components.assets.landing import landing_check
from platform_assets.components.assets.raw import raw_asset
from platform_assets.components.broken_feeds import broken_feed, claim, is_validation, mistakes_of, refused
from platform_assets.components.reporting.ledger_verdict import ledger_verdict
from platform_assets.components.scaffold import FileFeedScaffolder
from platform_assets.contracts.domain import under_domain
from platform_assets.contracts.orchestration import as_name
from platform_assets.contracts.problems import ContractError
from platform_assets.execution import InvalidEnvironment, current_execution
from platform_assets.feeds.feed import Feed, Pace
from platform_assets.feeds.fit import check_fit
from platform_assets.feeds.partitions import Partitions
from platform_assets.landing.found import Completeness
from platform_assets.landing.patterns import ArrivalPattern, PatternError
from platform_assets.logs import logger
from platform_assets.sql.contract_file import declared_name, read_contract
from platform_assets.sql.types import raw_columns

log = logger(__name__)


@dg.scaffold_with(FileFeedScaffolder)
@dataclass
class FileFeed(dg.Component, dg.Resolvable):
    """A source that delivers files into the landing folder, as partitioned assets with a contract.

    From a data contract and a file name pattern come the assets `landing/<feed>`, `lake/<feed>` (rows that keep the
    contract, as Parquet; the others in quarantine) and `raw/<feed>` (a published warehouse table), with the
    contract's rules as asset checks, an arrival sensor and a schedule that closes each partition.
    """

    files: Annotated[
        str,
        Resolver.default(
            description="Which files below the landing folder belong to the feed: %Y, %m, %d, %H, ... tell the "
            "partition's time, {key} the key of a static or dynamic partition, * stands for anything but a slash.",
            examples=["orders/orders_%Y-%m-%d*.csv.gz", "regions/{key}.jsonl", "products.parquet"],
        ),
    ]
    partitions: Partitions = None
    contract: Annotated[
        str,
        Resolver.default(
            description="The data contract (ODCS YAML), relative to this file.", examples=["contract.yaml"]
        ),
    ] = "contract.yaml"
    schema: Annotated[
        str | None,
        Resolver.default(
            description="Which of the contract's schemas this feed is of, where it has several.", examples=["orders"]
        ),
    ] = None
    format: Annotated[
        str | None,
        Resolver.default(
            description="How the files are written, where neither the contract's servers nor the files' names say it.",
            examples=["csv", "json", "parquet"],
        ),
    ] = None
    domain_in_key: Annotated[
        bool | None,
        Resolver.default(
            description="Whether the contract's domain is a part of the assets' keys, as in raw/sales/orders "
            "(PLATFORM_DOMAIN_IN_KEYS, else false).",
            examples=[True],
        ),
    ] = None
    settle_seconds: Annotated[
        float | None,
        Resolver.default(
            description="A file that is written in place is taken once it has not changed for so many seconds "
            "(PLATFORM_SETTLE_SECONDS, else 30).",
            examples=[30],
        ),
    ] = None
    interval_seconds: Annotated[
        int | None,
        Resolver.default(
            description="The arrival sensor looks every so many seconds where nothing wakes it "
            "(PLATFORM_INTERVAL_SECONDS, else 30).",
            examples=[30],
        ),
    ] = None
    partitions_per_run: Annotated[
        int | None,
        Resolver.default(
            description="The arrival sensor asks for adjoining partitions in one run, for so many at most "
            "(PLATFORM_PARTITIONS_PER_RUN, else 1000).",
            examples=[100],
        ),
    ] = None
    complete_when: Annotated[
        str | None,
        Resolver.default(
            description="Pattern of a marker file that comes last and says that a delivery is complete; it is no data.",
            examples=["orders/%Y-%m-%d/_SUCCESS"],
        ),
    ] = None
    manifest: Annotated[
        str | None,
        Resolver.default(
            description="Pattern of a file that lists the files of a delivery, which is complete once all are there.",
            examples=["orders/%Y-%m-%d.manifest"],
        ),
    ] = None
    time_limit: TimeLimit = None

    def __post_init__(self) -> None:
        self.folder = Path()

    @classmethod
    def model(cls) -> type[BaseModel]:
        """The words of defs.yaml, as Dagster derives them."""
        with warnings.catch_warnings():
            # pydantic's models have a deprecated method of that name, which nobody calls
            warnings.filterwarnings("ignore", message='Field name "schema"', category=UserWarning)
            return super().model()

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The component of a defs.yaml, which knows the folder that it lies in."""
        component = super().load(attributes, context)
        component.folder = context.path
        return component

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The feed's assets, checks, sensor and schedule; of one that cannot be loaded, assets that say why."""
        place = str(context.component_path)
        try:
            feed = self.feed(context.path)
        except InvalidEnvironment:
            raise  # no fault of the feed
        except (ContractError, ValueError) as error:
            if is_validation():
                raise refused(self._mistakes(context, place, error)) from None
            path = self._path(context.path)
            free = claim(context.component_tree, path, place) is None
            return broken_feed(path if free else context.path.parts[-2:], error, partitions=self.partitions, free=free)
        other = claim(context.component_tree, feed.path, place)
        if other is not None:
            twice = ValueError(
                f"{context.path / 'defs.yaml'}: the feed {'/'.join(feed.path)} is already that of {other}: with "
                "`domain_in_key: true` a feed's keys begin with its domain"
            )
            if is_validation():
                raise refused({place: twice})
            return broken_feed(context.path.parts[-2:], twice, partitions=self.partitions, free=False)
        return self._defs(feed)

    def _mistakes(self, context: dg.ComponentLoadContext, place: str, error: Exception) -> dict[str, Exception]:
        """The mistakes of this feed and of all others, as far as those can be looked at."""
        others = context.component_tree.get_all_components(of_type=FileFeed)
        made = [(str(other.folder), functools.partial(other.feed, other.folder)) for other in others]
        return mistakes_of(made) or {place: error}

    def _path(self, folder: Path) -> tuple[str, ...]:
        """The end of the feed's keys, as far as a contract that cannot be used says it."""
        name = declared_name(folder / self.contract, self.schema)
        return (name or as_name(folder.name),)

    def _defs(self, feed: Feed) -> dg.Definitions:
        contract, partitions = feed.contract, feed.partitions
        if is_validation():
            for each in contract.undecided:
                log.warning(str(each))
        policy = freshness_policy(contract.freshness, partitions=partitions, ends=has_end(partitions, contract))
        columns, limit = raw_columns(contract), time_limit_tags(self.time_limit, self.folder)
        about = contract.description or f"The feed {feed.name}."
        landing = asset_spec(
            feed.landing_key,
            contract=contract,
            partitions=partitions,
            description=f"Files of the feed {feed.name} as they were delivered. {about}",
            kinds={str(contract.format.kind), "file"},
            freshness=policy,
            metadata={"files": self.files},
        )
        lake = asset_spec(
            feed.lake_key,
            contract=contract,
            partitions=partitions,
            description=f"Rows that keep the contract, as Parquet; the others are in quarantine. {about}",
            kinds={"parquet", "duckdb"},
            columns=columns,
            deps=[feed.landing_key],
            freshness=policy,
            tags=limit,
        )
        raw = asset_spec(
            feed.raw_key,
            contract=contract,
            partitions=partitions,
            description=f"The published table; a partition is replaced once its gates have passed. {about}",
            kinds={"duckdb", "table"},
            columns=with_partition_column(columns),
            deps=[feed.lake_key],
            freshness=policy,
            tags=limit,
            metadata={
                "dagster/table_name": f"{feed.raw_table.schema}.{feed.raw_table.name}",
                **contract_metadata(contract),
            },
        )
        schedule = closing_schedule(feed)
        return dg.Definitions(
            assets=[landing, lake_asset(feed, lake), raw_asset(feed, raw)],
            asset_checks=[
                landing_check(feed),
                lake_verdict(feed, feed.lake_key),
                ledger_verdict(feed.raw_key, partitions, keeps_last_good=True),
            ],
            sensors=[arrival_sensor(feed)],
            schedules=[schedule] if schedule else [],
        )

    def feed(self, folder: Path) -> Feed:
        """The feed that this YAML describes, its contract read from below ``folder``.

        Raises:
            ContractError: with every problem of the contract at once, each with file, line and key.
            ValueError: if a word of defs.yaml is wrong, or the pattern and the partitions do not fit each other.
        """
        here = folder / "defs.yaml"
        # Dagster lets a text stand for any number, as it might be a template
        settle = current_execution().settle_seconds if self.settle_seconds is None else self.settle_seconds
        if not isinstance(settle, (int, float)) or settle < 0:
            raise ValueError(f"{here}: settle_seconds: {self.settle_seconds!r} must be a number, 0 or more")
        time_limit_tags(self.time_limit, folder)
        if not (folder / self.contract).is_file():
            raise ValueError(
                f"{here}: contract: {folder / self.contract} does not exist; "
                "`platform-assets contract infer FILE` writes a first one from a sample"
            )
        contract = read_contract(folder / self.contract, schema=self.schema, files=self.files, format=self.format)
        pattern = ArrivalPattern(self.files)
        try:
            check_fit(pattern, self.partitions, "files")
            completeness = self._completeness(settle)
        except PatternError as error:
            raise PatternError(f"{here}: {error}") from None
        if contract.undecided and current_execution().personal_data == "strict":
            raise ContractError(contract.undecided)
        with_domain = self.domain_in_key
        if with_domain and not contract.domain:
            raise ValueError(f"{here}: domain_in_key: {contract.path} names no domain")
        if with_domain is None:
            with_domain = current_execution().domain_in_keys and bool(contract.domain)
        if with_domain:
            contract = under_domain(contract)
        pace = Pace(self._count(here, "interval_seconds"), self._count(here, "partitions_per_run"))
        return Feed(contract, self.partitions, pattern, completeness, pace)

    def _completeness(self, settle: float) -> Completeness:
        if self.complete_when and self.manifest:
            raise PatternError("complete_when and manifest both say when a delivery is complete: keep one of them")
        word, given = ("manifest", self.manifest) if self.manifest else ("complete_when", self.complete_when)
        if not given:
            return Completeness(settle)
        marker = ArrivalPattern(given)
        check_fit(marker, self.partitions, word)
        return Completeness(settle, marker, lists_files=word == "manifest")

    def _count(self, here: Path, name: Literal["interval_seconds", "partitions_per_run"]) -> int:
        given: object = getattr(self, name)
        if given is None:
            return int(getattr(current_execution(), name))
        if not isinstance(given, int) or isinstance(given, bool) or given < 1:
            raise ValueError(f"{here}: {name}: {given!r} must be a whole number, 1 or more")
        return given
