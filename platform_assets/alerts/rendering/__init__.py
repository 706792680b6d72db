"""A notice as text, as HTML and as blocks of Slack. Nothing here sends anything."""
