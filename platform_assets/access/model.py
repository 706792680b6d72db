"""Roles and tables as the platform sees them, whatever the engine. What a file says is read in ``access_file``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platform_assets.warehouse.protocol import TableName

UNNAMED = "unnamed"
"""The classification of a column that its table has and its contract does not name."""

MASKED = "_masked"
"""What is added to the name of a schema for the one with its masked views."""


@dataclass(frozen=True)
class Reach:
    """Schemas with all of their tables, and tables by a selection of assets."""

    schemas: tuple[str, ...] = ()
    assets: str = ""


@dataclass(frozen=True)
class Role:
    """A role of the access file. ``sees`` are classifications that it reads in clear; None for all of them."""

    name: str
    description: str = ""
    read: Reach = Reach()
    write: Reach = Reach()
    sees: frozenset[str] | None = frozenset()


@dataclass(frozen=True)
class Access:
    """The access file. ``public`` are classifications that every reader may see; ``columns`` are those of tables
    without a contract: classifications by asset and column."""

    path: Path
    roles: tuple[Role, ...]
    public: frozenset[str]
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class GovernedColumn:
    """A column as it is in the warehouse; ``type`` is a word of the platform.

    ``labels`` are its classifications that are not public; ``description`` is None where no contract gives one.
    """

    name: str
    type: str
    labels: frozenset[str] = frozenset()
    description: str | None = None
    comment: str = ""

    @property
    def is_masked(self) -> bool:
        return bool(self.labels)


@dataclass(frozen=True)
class GovernedTable:
    """A table that some role may read or write. ``has_contract``: columns may come and be classified."""

    name: TableName
    columns: tuple[GovernedColumn, ...]
    has_contract: bool = False
    description: str = ""

    @property
    def is_masked(self) -> bool:
        """Whether a column has a classification that not everybody may see."""
        return any(column.is_masked for column in self.columns)

    @property
    def masked_name(self) -> TableName:
        """The view with its masked columns."""
        return TableName(f"{self.name.schema}{MASKED}", self.name.name)


@dataclass(frozen=True)
class RoleAccess:
    """A role with the schemas and tables that it reads and writes, of those that exist."""

    name: str
    description: str
    sees: frozenset[str] | None
    read_schemas: frozenset[str] = frozenset()
    read_tables: frozenset[TableName] = frozenset()
    write_schemas: frozenset[str] = frozenset()
    write_tables: frozenset[TableName] = frozenset()

    def may_see(self, column: GovernedColumn) -> bool:
        """Whether the role may read the column in clear, where it may read its table."""
        return self.sees is None or column.labels <= self.sees


@dataclass(frozen=True)
class Wanted:
    """What an engine has to carry out; ``notes`` say what could not be resolved yet."""

    roles: tuple[RoleAccess, ...]
    tables: tuple[GovernedTable, ...]
    schemas: frozenset[str]
    notes: tuple[str, ...] = ()

    def readers_in_clear(self, table: GovernedTable, column: GovernedColumn) -> list[str]:
        """The roles that read the table and may see the column in clear, in order."""
        return [r.name for r in self.roles if table.name in r.read_tables and r.may_see(column)]
