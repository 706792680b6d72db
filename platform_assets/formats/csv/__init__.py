"""Delimited text: ``reader`` opens it, ``raw_records`` counts and fetches records, ``repair`` takes broken files."""
