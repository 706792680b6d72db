"""The lake: deliveries found in a landing folder, ingested under their contracts into Parquet with manifests.

``arrivals`` finds deliveries, ``ingestion`` is the way in for one, ``manifest`` the way to what was ingested,
``quarantine`` to what was set aside. Nothing here knows of Dagster or of the warehouse.
"""
