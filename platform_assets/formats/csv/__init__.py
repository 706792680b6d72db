"""Delimited text: ``reader`` opens it, ``repair`` takes broken files."""
