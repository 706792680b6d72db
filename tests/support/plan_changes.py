"""Prepared changes of the shop: files, what is said of each node, and the columns that are reached downstream.

What is said: the category, the reasons for the whole table, and what became of single columns.
"""

from typing import Any

from tests.support.plan_shop import MODELS
from tests.support.shop import DBT

CLEANED, NAMED, APART = MODELS["models/cleaned.sql"], MODELS["models/named.sql"], MODELS["models/apart.sql"]
TOTALS, MONEY, REGIONS = MODELS["models/totals.sql"], MODELS["macros/money.sql"], MODELS["seeds/regions.csv"]
LATEST = {"latest": "all"}
"""A model from a query: which columns it reads is not known."""


ALL_OF_CLEANED = {
    "totals": "all", "named": "all", "everything": "all", "regional": "all", "appended": "all", "seen": "all", **LATEST,
    "published/totals": "all", "published/regional": "all",
}  # fmt: skip
CHANGES: dict[str, Any] = {
    "added column": (
        {"models/cleaned.sql": CLEANED.replace("_partition\n", "_partition, upper(status) as loud\n")},
        {"cleaned": ("additive", [], {"loud": "added: UPPER(status)"})},
        {"everything": ["loud"]},
    ),
    "renamed column": (
        {"models/apart.sql": APART.replace("as orders", "as number")},
        {"apart": ("breaking", [], {"orders": "renamed to number", "number": "renamed from orders"})},
        {},
    ),
    "removed column": (
        {"models/named.sql": NAMED.replace("o.status, ", "")},
        {"named": ("breaking", [], {"status": "removed"})},
        {},
    ),
    "filter": (
        {"models/cleaned.sql": CLEANED.replace("'lost'", "'gone'")},
        {"cleaned": ("breaking", ["filter"], {})},
        ALL_OF_CLEANED,
    ),
    "partition filter": (
        {"models/cleaned.sql": CLEANED.replace("in_partitions()", "in_partitions('left(_partition, 10)')")},
        {"cleaned": ("breaking", ["filter"], {})},
        ALL_OF_CLEANED,
    ),
    "join": (
        {"models/named.sql": NAMED.replace("left join", "join")},
        {"named": ("breaking", ["join"], {})},
        {"regional": "all", "published/regional": "all"},
    ),
    "grouping": (
        {"models/totals.sql": TOTALS.replace("customer, sum", "customer, id, sum")},
        {"totals": ("breaking", ["grouping"], {"id": "added: id"})},
        {"published/totals": "all"},
    ),
    "macro of two models": (
        {"macros/money.sql": MONEY.replace("100", "1000")},
        {
            "cleaned": ("breaking", [], {"amount": "amount / 100 -> amount / 1000"}),
            "apart": ("breaking", [], {"largest": "MAX(amount) / 100 -> MAX(amount) / 1000"}),
        },
        {"totals": ["amount"], "everything": ["amount"], "published/totals": ["amount"], **LATEST},
    ),
    "materialization": (
        {"models/named.sql": NAMED.replace("'incremental', incremental_strategy='partition_overwrite'", "'table'")},
        {
            "named": (
                "breaking",
                [
                    "config incremental_strategy: partition_overwrite -> null",
                    "config materialized: incremental -> table",
                ],
                {},
            )
        },
        {"regional": "all", "published/regional": "all"},
    ),
    "schema": (
        {"models/named.sql": NAMED.replace("config(", "config(schema='marts', ")},
        {"named": ("breaking", ["table: warehouse.main.named -> warehouse.main_marts.named"], {})},
        {},
    ),
    "on_schema_change": (
        {"models/named.sql": NAMED.replace("'fail'", "'append_new_columns'")},
        {"named": ("none", [], {})},
        {},
    ),
    "removed model": (
        {"models/regional.sql": None},
        {"regional": ("removed", [], {})},
        {"published/regional": "all"},
    ),
    "new model": ({"models/more.sql": "select id from {{ ref('cleaned') }}"}, {"more": ("additive", [], {})}, {}),
    "seed, one column": (
        {"seeds/regions.csv": REGIONS.replace("south", "east")},
        {"regions": ("breaking", [], {"region": "values"})},
        {"named": ["region"], "regional": "all", "published/regional": "all"},
    ),
    "seed, a column that nothing reads": (
        {"seeds/regions.csv": REGIONS.replace(",2", ",3")},
        {"regions": ("breaking", [], {"zone": "values"})},
        {},
    ),
    "seed, rows": (
        {"seeds/regions.csv": REGIONS + "cem,west,3\n"},
        {"regions": ("breaking", ["rows: 2 -> 3"], {})},
        {"named": "all", "regional": "all", "published/regional": "all"},
    ),
    "contract type": (
        {"models/models.yml": DBT["models/models.yml"].replace("data_type: bigint", "data_type: hugeint")},
        {"totals": ("breaking", [], {"amount": "type bigint -> hugeint"})},
        {"published/totals": ["amount"]},
    ),
    "key of a snapshot": (
        {"snapshots/seen.sql": MODELS["snapshots/seen.sql"].replace("unique_key='id'", "unique_key='status'")},
        {"seen": ("breaking", ["config unique_key: id -> status"], {})},
        {},
    ),
    "model from a query": (
        {"models/latest.sql": MODELS["models/latest.sql"].replace("as one, id", "as one, status")},
        {"latest": ("breaking", ["SQL (compared by its code: its SQL depends on a query, and none is asked)"], {})},
        {},
    ),
    "format of a model from a query": (
        {"models/latest.sql": MODELS["models/latest.sql"].replace("as one, id", "as one,\n  id -- its key")},
        {},
        {},
    ),
    "ephemeral model": (
        {"models/small.sql": MODELS["models/small.sql"].replace("id, amount", "id, -amount as amount")},
        {"small": ("breaking", [], {"amount": "amount -> -amount"})},
        {"doubled": ["twice"]},
    ),
    "macro of a hook": (
        {
            "models/apart.sql": APART.replace("config(", "config(post_hook='{{ log(cents()) }}', "),
            "macros/money.sql": MONEY.replace("100", "1000"),
        },
        {
            "cleaned": ("breaking", [], {"amount": "amount / 100 -> amount / 1000"}),
            "apart": (
                "breaking",
                [
                    'config post-hook: [] -> [{"sql": "{{ log(cents()) }}", "transaction": true, "index": null}]',
                    "its hooks may call cents",
                ],
                {"largest": "MAX(amount) / 100 -> MAX(amount) / 1000"},
            ),
        },
        {"totals": ["amount"], "everything": ["amount"], "published/totals": ["amount"], **LATEST},
    ),
    "only when the table is there": (
        {"models/appended.sql": MODELS["models/appended.sql"].replace("max(id)", "min(id)")},
        {"appended": ("breaking", ["rows"], {})},
        {},
    ),
}
