"""Delimited text: ``reader`` opens it, ``records`` counts and fetches records, ``repair`` takes broken files."""
