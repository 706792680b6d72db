"""The store of partitions: manifests, rejections and quarantined rows, committed by one rename.

``layout`` says where things lie, ``commit`` makes an ingestion the content of its partition, ``manifest`` reads what
was committed, ``quarantine`` what was quarantined. Nothing here reads deliveries, or knows Dagster or the warehouse.
"""
