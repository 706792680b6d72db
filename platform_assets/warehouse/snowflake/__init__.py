"""Snowflake as the warehouse: many writers at once. ``warehouse`` is the way in."""
