"""Where files lie that are not on this machine: objects below a URL, read and written by obstore."""
