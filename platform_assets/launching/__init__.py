"""Runs of this machine, started at once: forked from a process that has the definitions loaded."""
