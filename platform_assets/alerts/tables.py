"""The tables of alerts, in SQLite or in the PostgreSQL database of the event log."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
_UNSENT = sa.text("sent IS NULL")
STATE = sa.Table(
    "platform_alert_state",
    METADATA,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
SEEN = sa.Table(
    "platform_alert_seen",
    METADATA,
    sa.Column("location", sa.String(200), primary_key=True),
    sa.Column("event", sa.BigInteger, primary_key=True, autoincrement=False),
)
INCIDENTS = sa.Table(
    "platform_alert_incidents",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    sa.Column("opened", sa.String(40), nullable=False, index=True),
    sa.Column("resolved", sa.String(40)),
    sa.Column("body", sa.Text, nullable=False),
)
OUTBOX = sa.Table(
    "platform_alert_outbox",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("incident", sa.String(40), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("channel", sa.String(200), nullable=False),
    sa.Column("event", sa.String(20), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column("claimed_until", sa.Float, nullable=False, default=0.0),
    sa.Column("sent", sa.Float),
    sa.Column("problem", sa.Text, nullable=False, default=""),
    sa.UniqueConstraint("incident", "number", "channel"),
    sa.Index("platform_alert_unsent", "id", sqlite_where=_UNSENT, postgresql_where=_UNSENT),
)
THREADS = sa.Table(
    "platform_alert_threads",
    METADATA,
    sa.Column("incident", sa.String(40), primary_key=True),
    sa.Column("channel", sa.String(200), primary_key=True),
    sa.Column("thread", sa.Text, nullable=False, default=""),
)
MUTES = sa.Table(
    "platform_alert_mutes",
    METADATA,
    sa.Column("subject", sa.String(400), primary_key=True),
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
