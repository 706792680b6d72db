"""Parquet: ``reader`` opens it; what its own schema says is in ``footer``, ``types`` and ``annotations``."""
