"""Delimited text: ``reader`` opens it, ``raw_records`` counts and fetches its records, ``repair`` takes broken files."""
