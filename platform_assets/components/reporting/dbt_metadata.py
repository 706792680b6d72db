"""Column schema and column lineage of dbt models as metadata, for the newest good partition of a run.

dagster-dbt's own takes 6 to 14 queries a model and keeps the file open; here it is one DESCRIBE a table in the
session that records the verdicts, and a lineage that is read from the target folder as long as the project has not
changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.components.asset_specs import column_schema
from platform_assets.dbt.lineage import Lineage, cached_lineage
from platform_assets.warehouse.protocol import ColumnDef, Session, TableName

LINEAGE_FOLDER = "lineage"
"""Below the project's target folder: one small file a model."""


@dataclass(frozen=True)
class ModelTables:
    """What is known of the tables of one `DbtModels` before it runs; models and parents are named by unique id.

    ``descriptions`` are those of each model's columns. ``keys`` are the assets of models and their parents.
    """

    dialect: str
    tables: Mapping[str, TableName]
    keys: Mapping[str, dg.AssetKey]
    descriptions: Mapping[str, Mapping[str, str]]


def model_columns(
    session: Session, about: ModelTables, models: Collection[str], parents: Mapping[str, Sequence[str]]
) -> dict[str, tuple[ColumnDef, ...]]:
    """The columns, as they are now, of ``models`` and their parents; none of a table that is not there."""
    wanted = {unique_id for model in models for unique_id in (model, *parents[model]) if unique_id in about.tables}
    return {unique_id: session.columns(about.tables[unique_id]) or () for unique_id in sorted(wanted)}


def table_metadata(
    about: ModelTables,
    columns: Mapping[str, Sequence[ColumnDef]],
    *,
    compiled: Mapping[str, str],
    parents: Mapping[str, Sequence[str]],
    cache: Path,
    state: str,
) -> dict[str, dict[str, Any]]:
    """The metadata of each model in ``compiled``, which holds the SQL that was run by unique id.

    ``columns`` are those of :func:`model_columns`. Lineage is kept in the folder ``cache`` for as long as ``state``,
    the identity of the parsed project, stays.
    """
    found: dict[str, dict[str, Any]] = {}
    for model, sql in compiled.items():
        texts = about.descriptions.get(model, {})
        triples = [(column.name, column.type, texts.get(column.name, "")) for column in columns[model]]
        found[model] = {"dagster/column_schema": column_schema(triples)}
        upstream = {about.tables[p]: columns[p] for p in parents[model] if columns.get(p)}
        lineage = cached_lineage(
            cache,
            model,
            sql,
            fingerprint=state,
            dialect=about.dialect,
            upstream=upstream,
        )
        if lineage is not None:
            keys = {about.tables[p]: about.keys[p] for p in parents[model] if p in about.tables}
            found[model]["dagster/column_lineage"] = _as_dagsters(lineage, keys, columns[model])
    return found


def _as_dagsters(
    lineage: Lineage, keys: Mapping[TableName, dg.AssetKey], columns: Sequence[ColumnDef]
) -> dg.TableColumnLineage:
    # Dagster matches columns by name: the table's own spelling is used
    spelling = {column.name.lower(): column.name for column in columns}
    return dg.TableColumnLineage(
        {
            spelling.get(name, name): [dg.TableColumnDep(asset_key=keys[table], column_name=c) for table, c in sources]
            for name, sources in lineage.items()
        }
    )
