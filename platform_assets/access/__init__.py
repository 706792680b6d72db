"""Who may read and write which tables, and which classified columns in clear: from a file to statements."""
