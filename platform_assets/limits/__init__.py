"""Execution time limits: what limits a step, the clock that ends it, and the processes that it has started."""
