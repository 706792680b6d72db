"""What `dg scaffold defs platform_assets.FileFeed NAME` writes: a feed that loads at once, ready to be changed."""

from typing import Any

from dagster.components.component.component_scaffolder import Scaffolder
from dagster.components.component_scaffolding import scaffold_component
from dagster.components.scaffold.scaffold import ScaffoldRequest
from pydantic import BaseModel

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
  # more rows than this set aside, and the partition is rejected
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


class FileFeedScaffoldParams(BaseModel):
    """The scaffold needs no parameters."""


class FileFeedScaffolder(Scaffolder[FileFeedScaffoldParams]):
    """Writes defs.yaml and contract.yaml."""

    @classmethod
    def get_scaffold_params(cls) -> type[FileFeedScaffoldParams]:
        return FileFeedScaffoldParams

    def scaffold(self, request: ScaffoldRequest[FileFeedScaffoldParams]) -> None:
        name = request.target_path.name.replace("-", "_").replace(" ", "_")
        parent = request.target_path.parent.name
        attributes: dict[str, Any] = {
            "files": f"{name}/{name}_%Y-%m-%d*.csv",
            "partitions": {"type": "daily", "start_date": "2026-01-01", "timezone": "UTC"},
        }
        scaffold_component(request, attributes)
        contract = CONTRACT.format(name=name, group=parent if parent != "defs" else name)
        (request.target_path / "contract.yaml").write_text(contract)
