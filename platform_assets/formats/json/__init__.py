"""JSON lines: ``reader`` opens them, ``rows`` makes rows of their lines, most of them by a ``template``.

``strict`` has the rules for one document and keeps its numbers as they were written; ``quick`` and ``template`` keep
these rules faster. ``writing`` makes JSON of a document again.
"""
