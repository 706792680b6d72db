"""A shop with a node of each kind for each kind of test and severity, and what becomes of the node and its reader.

A cell is a node, a test of it that some row of the bad day fails, and a model by day that reads it. Whole nodes have no
partitions: a seed, a snapshot, a view, a table, a Python model.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.projects import Project
from tests.support.shop import CONFIG, DAYS, ORDERS, PARTITIONS, deliver, good_rows, write_dbt, write_shop

BAD, HOLE = DAYS[2], DAYS[3]
"""The day with a row that fails each test, and the one that is not delivered."""
WHOLE = ("seed", "snapshot", "view", "table", "python")
KINDS = ("source", "ephemeral", "by_day", *WHOLE)
TESTS = ("generic", "custom", "counted", "singular", "several", "unit")
SEVERITIES = ("error", "warn")


@dataclass(frozen=True)
class Cell:
    """A node of a ``kind`` with one ``test`` of a ``severity``."""

    kind: str
    test: str
    severity: str

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.test}_{self.severity}"

    @property
    def node(self) -> str:
        return f"n_{self.name}"

    @property
    def reader(self) -> str:
        return f"r_{self.name}"

    @property
    def check(self) -> str:
        return f"t_{self.name}"

    @property
    def is_whole(self) -> bool:
        return self.kind in WHOLE

    @property
    def tested(self) -> str:
        """The asset whose check the test is: a source has none, an ephemeral model those that contain it."""
        if self.kind == "source" and self.test == "several":
            return self.other
        return self.reader if self.kind in ("source", "ephemeral") else self.node

    @property
    def other(self) -> str:
        """The model that a test of several models reads too."""
        return f"o_{self.name}"

    def failing(self, days: Collection[str]) -> set[str]:
        """Those of the ``days`` that the test holds or warns of, if they are built in one run."""
        if self.test == "unit" or (self.test == "counted" and (BAD in days or self.kind == "source")):
            return set(days)  # no row says of which day it is, and of a source the whole table is tested
        return {BAD} & set(days)

    def held(self, days: Collection[str]) -> set[str]:
        """Those of the ``days`` that must not be published, of what the test is a check of."""
        return set() if self.severity == "warn" else self.failing(days)

    def reader_held(self, days: Collection[str]) -> set[str]:
        """Those of the ``days`` that the reader must not be published for."""
        if self.is_whole:
            return set() if self.severity == "warn" else set(days)
        return self.held(days) if self.tested != self.other else set()


def _cells() -> Iterator[Cell]:
    for kind, test, severity in itertools.product(KINDS, TESTS, SEVERITIES):
        is_unit = test == "unit"
        if is_unit and (severity == "warn" or kind not in ("by_day", "ephemeral", "view", "table")):
            continue  # dbt knows no severity of unit tests, and tests SQL models alone
        yield Cell(kind, test, severity)


CELLS = tuple(_cells())
KEPT = "id,customer\n1,ann\n2,\n"
"""A seed, of which one row fails each test."""
MACROS = """\
{% test is_there(model, column_name) %}select * from {{ model }} where {{ column_name }} is null{% endtest %}
{% test nothing_counted(model, column_name) %}
select count(*) as missing from {{ model }} where {{ column_name }} is null having count(*) > 0
{% endtest %}
"""
ROWS = "select id, customer, _partition from {{ source('raw', 'orders') }}"


def _node(cell: Cell, about: dict[str, Any]) -> tuple[str, str]:
    """The path and the text of the node; a snapshot is described where it is defined."""
    if cell.kind == "by_day":
        return f"models/days/{cell.node}.sql", f"{CONFIG}{ROWS} where {{{{ in_partitions() }}}}"
    if cell.kind == "ephemeral":
        text = f"{{{{ config(materialized='ephemeral') }}}} {ROWS} where {{{{ in_partitions() }}}}"
        return f"models/days/{cell.node}.sql", text
    if cell.kind == "seed":
        return f"seeds/{cell.node}.csv", KEPT
    if cell.kind == "snapshot":
        config = {"unique_key": "id", "strategy": "check", "check_cols": "all"}
        text = {"snapshots": [{**about, "relation": "ref('kept')", "config": config}]}
        return f"snapshots/{cell.node}.yml", json.dumps(text)
    if cell.kind == "python":
        text = "def model(dbt, session):\n    dbt.config(materialized='table')\n    return dbt.ref('kept').df()\n"
        return f"models/whole/{cell.node}.py", text
    return (
        f"models/whole/{cell.node}.sql",
        f"{{{{ config(materialized='{cell.kind}') }}}} select * from {{{{ ref('kept') }}}}",
    )


def _reference(cell: Cell) -> str:
    return f"source('raw', '{cell.node}')" if cell.kind == "source" else f"ref('{cell.node}')"


def _reader(cell: Cell) -> str:
    if cell.is_whole:
        return (
            f"{CONFIG}select o._partition, count(*) as n from {{{{ source('raw', 'orders') }}}} as o\n"
            f"cross join (select count(*) as n from {{{{ {_reference(cell)} }}}}) as m\n"
            "where {{ in_partitions('o._partition') }} group by 1"
        )
    return (
        f"{CONFIG}select _partition, count(*) as n from {{{{ {_reference(cell)} }}}} where {{{{ in_partitions() }}}}\n"
        "group by 1"
    )


def _singular(cell: Cell) -> str:
    """The rows without a customer; with ``several`` where another model has them too."""
    columns = "n.id" if cell.is_whole else "n.id, n._partition"
    joined = f" join {{{{ ref('{cell.other}') }}}} as o on o.id = n.id" if cell.test == "several" else ""
    config = f"{{{{ config(severity='{cell.severity}') }}}}\n"
    return f"{config}select {columns} from {{{{ {_reference(cell)} }}}} as n{joined} where n.customer is null"


def _other(cell: Cell) -> tuple[str, str]:
    if cell.is_whole:
        return f"models/whole/{cell.other}.sql", "{{ config(materialized='table') }} select * from {{ ref('kept') }}"
    return f"models/days/{cell.other}.sql", f"{CONFIG}{ROWS} where {{{{ in_partitions() }}}}"


def _generic(cell: Cell) -> dict[str, Any]:
    kinds = {"generic": "not_null", "custom": "is_there", "counted": "nothing_counted"}
    test = {kinds[cell.test]: {"name": cell.check, "config": {"severity": cell.severity}}}
    return {"name": cell.node, "columns": [{"name": "customer", "data_tests": [test]}]}


def _files() -> dict[str, str]:
    files = {"macros/tests.sql": MACROS, "seeds/kept.csv": KEPT}
    described: dict[str, list[dict[str, Any]]] = {"models": [], "seeds": []}
    sources: list[dict[str, Any]] = [{"name": "orders"}, {"name": "customers"}]
    units: list[dict[str, Any]] = []
    for cell in CELLS:
        files[f"models/readers/{cell.reader}.sql"] = _reader(cell)
        about: dict[str, Any] = {"name": cell.node}
        if cell.test in ("singular", "several"):
            files[f"tests/{cell.check}.sql"] = _singular(cell)
            if cell.test == "several":
                path, text = _other(cell)
                files[path] = text
        elif cell.test == "unit":
            read = "source('raw', 'orders')" if cell.kind in ("by_day", "ephemeral") else "ref('kept')"
            units.append(
                {"name": cell.check, "model": cell.node, "given": [{"input": read, "rows": [{"id": 1}]}],
                 "expect": {"rows": [{"id": 2}]}}
            )  # fmt: skip
        else:
            about = _generic(cell)
        if cell.kind == "source":
            sources.append(about)
            continue
        path, text = _node(cell, about)
        files[path] = text
        if cell.kind != "snapshot":
            described["seeds" if cell.kind == "seed" else "models"].append(about)
    files["models/sources.yml"] = json.dumps({"sources": [{"name": "raw", "tables": sources}]})
    files["models/about.yml"] = json.dumps(described)
    files["models/units.yml"] = json.dumps({"unit_tests": units})
    return files


def _models(select: str, more: str = "") -> str:
    project = "{{ context.project_root }}/dbt"
    return (
        "type: platform_assets.DbtModels\nattributes:\n"
        f'  project: "{project}"\n  group: shop\n  select: "{select}"\n{more}'
    )


def write_kinds(root: Path) -> None:
    """The shop with all cells; its own models are left out."""
    write_shop(root)
    for cell in CELLS:
        if cell.kind == "source":  # each a feed of its own, of the same files
            for path, text in ORDERS.items():
                file = root / "somebody/defs" / path.replace("orders", cell.node)
                file.parent.mkdir(exist_ok=True)
                file.write_text(text.replace("name: orders", f"name: {cell.node}"))
    (root / "somebody/defs/published/defs.yaml").unlink()
    by_day = _models("path:models/days path:models/readers path:seeds path:snapshots", f"  partitions: {PARTITIONS}\n")
    (root / "somebody/defs/models/defs.yaml").write_text(by_day)
    (root / "somebody/defs/whole").mkdir()
    (root / "somebody/defs/whole/defs.yaml").write_text(_models("path:models/whole"))
    write_dbt(root, _files())


def deliver_kinds(project: Project) -> None:
    """Each day but one, and what has no partitions; each whole node is built by a run."""
    deliver(project, {BAD: [*good_rows(BAD), ["399", "", "open", "5"]]})
    (project.landing / "orders" / f"{HOLE}.csv").unlink()
    project.run("key:*/orders or key:*/n_source*", DAYS[0], DAYS[-1])
    project.run(_keys("kept", *(cell.node for cell in CELLS if cell.kind in ("seed", "snapshot"))))
    whole = [cell for cell in CELLS if cell.kind in ("view", "table", "python")]
    others = [cell.other for cell in CELLS if cell.test == "several" and cell.is_whole]
    project.run(_keys(*(cell.node for cell in whole), *others))


def of_days() -> str:
    """The selection of all assets by day."""
    by_day = [cell.node for cell in CELLS if cell.kind == "by_day"]
    others = [cell.other for cell in CELLS if cell.test == "several" and not cell.is_whole]
    return _keys(*by_day, *others, *(cell.reader for cell in CELLS))


def _keys(*names: str) -> str:
    return " or ".join(f"key:{name}" for name in names)
