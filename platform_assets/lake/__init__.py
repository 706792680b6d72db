"""The store of partitions: manifests, rejections and quarantined rows, committed by one rename.

``layout`` says where things lie. ``stage_commit_reject`` opens a partition to do that to a version of it. ``manifest``
reads what was committed, ``quarantine`` what was quarantined. Nothing here reads deliveries, or knows Dagster or the
warehouse.
"""
