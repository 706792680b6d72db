"""A delivery and its contract in, Parquet, quarantined rows and a manifest out.

``ingestor`` is the way in, ``reading`` chooses the format, ``validation`` applies the row rules, ``bad_rows`` finds
the rows that break them, ``protection`` hides personal values. What is written is kept by ``lake``.
"""
