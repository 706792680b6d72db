"""The store of partitions: manifests, rejections and quarantined rows, committed by one rename.

``layout`` says where things lie. ``store`` opens a partition to stage, commit or reject a version of it. ``manifest``
reads what was committed, ``quarantine`` what was quarantined. Nothing here reads deliveries, or knows Dagster or the
warehouse.
"""
