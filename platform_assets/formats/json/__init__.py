"""JSON lines: ``reader`` opens them, ``strict`` reads one document with its numbers as they were written."""
