"""What each way of breaking one of thirty days is reported as, in tests/e2e/test_one_of_thirty.py."""

KINDS = {
    "name": ("not_delivered", "missing", "sender"),
    "date": ("not_delivered", "missing", "sender"),
    "type": ("rejected", "quarantine_limit", "sender"),
    "type: not a CSV": ("rejected", "compression:unsupported", "sender"),
    "type: a broken gzip": ("rejected", "compression:truncated", "sender"),
    "type: other columns": ("rejected", "drift:missing", "sender"),
    "rule: empty": ("rejected", "empty", "sender"),
    "rule: too few rows": ("rejected", "enough", "sender"),
    "rights": ("infrastructure", "landing", "operator"),
    "rights: a file not opened": ("infrastructure", "permission", "operator"),
    "rights: records not opened": ("infrastructure", "record_unreadable", "operator"),
    "manifest": ("infrastructure", "record_unreadable", "operator"),
    "manifest: gone": ("not_delivered", "not_ingested", "sender"),
    "manifest: another count": ("infrastructure", "lake_files", "operator"),
    "rejection": ("infrastructure", "record_unreadable", "operator"),
    "machine": ("infrastructure", "lake_files", "operator"),
    "machine: a bad disk": ("infrastructure", "io", "operator"),
    "machine: no space": ("infrastructure", "disk_full", "operator"),
    "machine: no descriptors": ("infrastructure", "open_files", "operator"),
    "machine: an error of ours": ("bug", "ZeroDivisionError", "operator"),
    "lake: a file for a folder": ("infrastructure", "io", "operator"),
}
"""Kind, code and actor of each way, or of all ways of its beginning."""
