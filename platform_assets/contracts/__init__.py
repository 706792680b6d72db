"""Data contracts: Open Data Contract Standard files, read into the platform's own words.

``reader`` reads one, ``model`` says what it holds, ``changes`` compares two. Nothing here knows of Dagster, of files'
contents or of the warehouse, and nothing knows SQL: rules are compiled, and checked when a contract is read, in
``sql``. A first contract is written in ``formats.inference``.
"""
