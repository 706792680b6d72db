"""Write-audit-publish: candidates are judged, published in one transaction with their verdicts, and read fail-closed.

| question | file |
|---|---|
| where is a partition published? | ``batch`` (by way of ``publisher`` for files, ``tables`` for copies of tables) |
| where are verdicts on tables overwritten in place (dbt models) kept? | ``in_place`` |
| where is it judged? | ``gates``, on values measured by ``metrics`` |
| where are verdicts stored? | ``ledger`` |
| who may write? | ``leases``, held by ``holders`` |
| who may read? | ``readers`` |

Nothing here knows of Dagster, of dbt, or of one warehouse engine.
"""
