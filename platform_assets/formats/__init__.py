"""Formats of files, each a way from delivered bytes to rows with their lines: ``csv``, ``json``, ``parquet``.

``plain_files`` opens and verifies a delivered file, ``unpacking`` decompresses it, ``source`` says what every format
hands over, ``drift`` compares its columns with the contract, ``inference`` writes a first contract from a sample. What
becomes of the rows is in ``ingestion``.
"""
