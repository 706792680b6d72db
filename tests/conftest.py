"""Fixtures of all tests."""

from tests.support.lake import lake, make_contract

__all__ = ["lake", "make_contract"]
