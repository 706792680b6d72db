"""What `dg scaffold defs platform_assets.<word> NAME` writes: something that loads, ready to be changed."""

import os
from pathlib import Path
from typing import Any

from dagster.components.component.component_scaffolder import Scaffolder
from dagster.components.component_scaffolding import scaffold_component
from dagster.components.scaffold.scaffold import ScaffoldRequest
from pydantic import BaseModel, Field

CONTRACT = """\
apiVersion: v3.0.2
kind: DataContract
id: {name}
name: {name}
version: 1.0.0
status: draft
# the asset group
domain: {group}
description:
  purpose: What one row of {name} is, and who delivers it.
team:
  - username: team:data
    role: owner
servers:
  - server: landing
    type: local
    path: {name}
    format: csv
    delimiter: ","
slaProperties:
  - property: latency
    value: 24
    unit: h
customProperties:
  # more rows than this quarantined, and the partition is rejected
  - property: quarantineLimit
    value: 1%
schema:
  - name: {name}
    logicalType: object
    physicalType: table
    properties:
      - name: id
        logicalType: integer
        description: Replace these columns by your own; `platform-assets contract infer FILE` writes a first version.
        required: true
        primaryKey: true
      - name: value
        logicalType: string
        description: Any text.
    quality:
      - name: row_count
        description: A delivery has rows.
        type: library
        metric: rowCount
        mustBeGreaterThan: 0
"""


DAILY = {"type": "daily", "start_date": "2026-01-01", "timezone": "UTC"}


class FileFeedScaffoldParams(BaseModel):
    """The scaffold needs no parameters."""


class FileFeedScaffolder(Scaffolder[FileFeedScaffoldParams]):
    """Writes defs.yaml and contract.yaml."""

    @classmethod
    def get_scaffold_params(cls) -> type[FileFeedScaffoldParams]:
        return FileFeedScaffoldParams

    def scaffold(self, request: ScaffoldRequest[FileFeedScaffoldParams]) -> None:
        name = _name(request)
        attributes: dict[str, Any] = {
            "files": f"{name}/{name}_%Y-%m-%d*.csv",
            "partitions": DAILY,
        }
        scaffold_component(request, attributes)
        contract = CONTRACT.format(name=name, group=_group(request))
        (request.target_path / "contract.yaml").write_text(contract)


class DbtModelsScaffoldParams(BaseModel):
    """``project_path`` is the folder of the dbt project, relative to where `dg` is called; ``select`` is dbt's."""

    project_path: str = Field(default="dbt_project", description="Folder of the dbt project.")
    select: str | None = Field(default=None, description="Which models; all of the project if left out.")


class DbtModelsScaffolder(Scaffolder[DbtModelsScaffoldParams]):
    """Writes defs.yaml for the models of a dbt project, without partitions."""

    @classmethod
    def get_scaffold_params(cls) -> type[DbtModelsScaffoldParams]:
        return DbtModelsScaffoldParams

    def scaffold(self, request: ScaffoldRequest[DbtModelsScaffoldParams]) -> None:
        project = Path(request.params.project_path)
        if not (project / "dbt_project.yml").is_file():
            raise ValueError(f"{project / 'dbt_project.yml'} does not exist: name the dbt project with --project-path")
        relative = os.path.relpath(project, request.project_root or Path.cwd())
        attributes = {"project": "{{ context.project_root }}/" + relative, "group": _group(request)}
        if request.params.select is not None:
            attributes["select"] = request.params.select
        scaffold_component(request, attributes)


class PublishedTableScaffoldParams(BaseModel):
    """``source`` is the asset key of the mart."""

    source: str | None = Field(default=None, description="Asset key of the mart; marts/NAME if left out.")


class PublishedTableScaffolder(Scaffolder[PublishedTableScaffoldParams]):
    """Writes defs.yaml for a daily table."""

    @classmethod
    def get_scaffold_params(cls) -> type[PublishedTableScaffoldParams]:
        return PublishedTableScaffoldParams

    def scaffold(self, request: ScaffoldRequest[PublishedTableScaffoldParams]) -> None:
        source = request.params.source or f"marts/{_name(request)}"
        scaffold_component(request, {"source": source, "group": _group(request), "partitions": DAILY})


class PlatformResourcesScaffoldParams(BaseModel):
    """The scaffold needs no parameters."""


class PlatformResourcesScaffolder(Scaffolder[PlatformResourcesScaffoldParams]):
    """Writes defs.yaml with all places in a folder `data` of the project."""

    @classmethod
    def get_scaffold_params(cls) -> type[PlatformResourcesScaffoldParams]:
        return PlatformResourcesScaffoldParams

    def scaffold(self, request: ScaffoldRequest[PlatformResourcesScaffoldParams]) -> None:
        places = {"landing": "data/landing", "lake": "data/lake", "warehouse": "data/warehouse.duckdb"}
        scaffold_component(request, places)


def _name(request: ScaffoldRequest[Any]) -> str:
    return request.target_path.name.replace("-", "_").replace(" ", "_")


def _group(request: ScaffoldRequest[Any]) -> str:
    """The folder of the domain; the component's own name where it stands in none."""
    parent = request.target_path.parent.name
    return parent if parent != "defs" else _name(request)
