"""The rows of partitions in the place of those before, counted: a part of a transaction that somebody else began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from platform_assets.failpoints import failpoint
from platform_assets.publishing import ledger
from platform_assets.publishing.errors import PublishingError
from platform_assets.publishing.fingerprints import is_one_of
from platform_assets.publishing.leases import Lease, renew
from platform_assets.publishing.verdicts import Candidate, Content
from platform_assets.warehouse.protocol import PARTITION, PARTITION_NAME, ColumnDef, Session, TableName


@dataclass(frozen=True)
class Rows:
    """Candidates that have passed, for ``table``; they go into ``target``, which is the same or takes its place.

    ``relation`` has them, and the staged ``partitions`` beside them.
    """

    asset: str
    table: TableName
    target: TableName
    columns: Sequence[ColumnDef]
    good: Sequence[Candidate]
    relation: str
    partitions: frozenset[str]


def fill_beside(session: Session, rows: Rows, lease: Lease) -> None:
    """Commit the rows of the table that takes the place of another, where that is done by a statement of its own.

    A process that dies after this leaves the old table and the old verdicts. One that dies between that statement and
    the commit of the verdicts leaves audited rows of all partitions, under the types they now have, beside the verdicts
    of the versions before: the next run publishes them again.
    """
    with session.transaction():
        renew(session, lease)
        replace_rows(session, rows)
    failpoint("publish.filled_beside")


def replace_rows(session: Session, rows: Rows) -> None:
    """Delete what the partitions hold and insert what they are to hold.

    Raises ``PublishingError`` if other rows arrived than were audited.
    """
    if not rows.good:
        return
    target = ledger.name(session, rows.target)
    among = is_one_of(session, PARTITION_NAME, [candidate.partition for candidate in rows.good])
    session.execute(f"DELETE FROM {target} WHERE {among}")
    failpoint("publish.deleted")
    columns = ", ".join(session.quote(name) for name in [*(c.name for c in rows.columns), PARTITION])
    # the condition costs 5 % of an insert, and only rejected candidates need it
    condition = "" if rows.partitions <= {c.partition for c in rows.good} else f" WHERE {among}"
    session.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {rows.relation} AS s{condition}")
    failpoint("publish.inserted")
    # what is promised in the ledger is counted in the table itself, before the commit
    found = dict(session.execute(f"SELECT {PARTITION_NAME}, count(*) FROM {target} WHERE {among} GROUP BY 1"))
    for candidate in rows.good:
        expected = candidate.rows if candidate.state == Content.DATA else 0
        if found.get(candidate.partition, 0) != expected:
            raise PublishingError(
                f"{rows.asset}, partition {candidate.partition}: {found.get(candidate.partition, 0)} rows arrived in "
                f"{rows.table}, {expected} were audited; its files changed meanwhile. Nothing was published: run it "
                "again."
            )
