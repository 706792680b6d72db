"""The landing folder: which files have arrived, and the deliveries that they make.

``arrivals`` finds deliveries, ``patterns`` reads a partition from a path, ``walk`` looks through the folders.
"""
