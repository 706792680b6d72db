"""Write-audit-publish: candidates are audited, published in one transaction with their verdicts, and read fail-closed.

| question | file |
|---|---|
| where is a partition published? | ``write_audit_publish``, by way of ``from_files`` or ``from_tables`` |
| where are verdicts on tables overwritten in place (dbt models) kept? | ``in_place`` |
| where is it audited? | ``gates``, on values measured by ``metrics`` |
| where are verdicts stored? | ``ledger``; how its tables change from version to version is in ``migrations`` |
| who may write? | ``leases``; work under them is in ``taking``, kept alive by ``heartbeat`` |
| is the owner of a lease alive? | ``owners``; for processes of this machine ``processes`` |
| who may read? | ``readers`` |

Nothing here knows of Dagster, of dbt, or of one warehouse engine.
"""
