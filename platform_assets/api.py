"""The names that other projects may rely on. Everything else may change from one version to the next.

The words of defs.yaml (`FileFeed`, `DbtModels`, `PublishedTable`, `PlatformResources`) are names of `platform_assets`
itself. docs/extending.md says how the names below are put to use; CHANGELOG.md says what changed about them.
"""

from platform_assets.contracts.model import Column, Contract, FileFormat, LogicalType
from platform_assets.contracts.problems import ContractError
from platform_assets.failures import Actor, Failure, Kind, PlatformError, failure_of
from platform_assets.formats.plain_files import PlainFile
from platform_assets.formats.protocol import Format, Place, Prepared, TextFormat
from platform_assets.formats.raw_records import StructureDoubt
from platform_assets.formats.source import Source
from platform_assets.formats.text_rows import Record, text_rows
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.lake.manifest import Manifest, read_manifest
from platform_assets.notifiers import FailedPartition, FailedRun, Notifier
from platform_assets.publishing.checks import Check
from platform_assets.publishing.readers import published_versions, require_published
from platform_assets.sql.contract_file import read_contract
from platform_assets.sql.dialects import Dialect
from platform_assets.warehouse.errors import (
    IncompatibleTable,
    SessionMisused,
    StatementFailed,
    WarehouseBusy,
    WarehouseError,
    WarehouseRefused,
)
from platform_assets.warehouse.locations import WarehouseFactory, open_warehouse
from platform_assets.warehouse.protocol import (
    PARTITION,
    Capabilities,
    ColumnDef,
    Session,
    StagedFile,
    TableName,
    Warehouse,
)

__all__ = [
    "PARTITION",
    "Actor",
    "Capabilities",
    "Check",
    "Column",
    "ColumnDef",
    "Contract",
    "ContractError",
    "DeliveryRejected",
    "Dialect",
    "FailedPartition",
    "FailedRun",
    "Failure",
    "FileFormat",
    "Format",
    "IncompatibleTable",
    "Kind",
    "LogicalType",
    "Manifest",
    "Notifier",
    "Place",
    "PlainFile",
    "PlatformError",
    "Prepared",
    "Record",
    "Session",
    "SessionMisused",
    "Source",
    "StagedFile",
    "StatementFailed",
    "StructureDoubt",
    "TableName",
    "TextFormat",
    "Warehouse",
    "WarehouseBusy",
    "WarehouseError",
    "WarehouseFactory",
    "WarehouseRefused",
    "failure_of",
    "open_warehouse",
    "published_versions",
    "read_contract",
    "read_manifest",
    "require_published",
    "text_rows",
]
