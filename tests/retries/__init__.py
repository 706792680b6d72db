"""Tests of the retry policy."""
