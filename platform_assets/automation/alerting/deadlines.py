"""Partitions that were not published by their deadlines, and error budgets that are being spent, as signals.

Nothing waits for a partition: a look asks the index of events, in a query for each 200 assets, for what is missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from platform_assets.alerts.grouping import GRACE
from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.lateness import MOST_MISSING, Record, described
from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.alerts.store import Transaction
from platform_assets.automation.alerting.expected import Expectation
from platform_assets.automation.alerting.lateness_records import budget_of, looked
from platform_assets.instance.reading import EventIndex
from platform_assets.wording import counted

RECORDS = "lateness"
"""The state with the record of each asset."""
BUDGET = "error budget"
_FAILED = (Source.RUN, Source.CHECK, Source.HOLD)


Report = Callable[[Mapping[str, Record], Collection[str], dt.datetime], None]


@dataclass(frozen=True)
class Deadlines:
    """The deadlines of the assets of a code location; ``roots`` are those that somebody else delivers.

    ``report`` is given the records of a look that changed them, and the assets of which partitions were missing before.
    """

    expected: Mapping[str, Expectation]
    roots: Collection[str] = frozenset()
    location: str = ""
    report: Report | None = None

    def signals(self, transaction: Transaction, index: EventIndex, now: dt.datetime) -> list[Signal]:
        """What has changed since the last look; the records are kept in the caller's transaction."""
        kept = transaction.state(RECORDS) or {}
        before = {asset: Record.from_list(values) for asset, values in kept.items()}
        own = {asset: record for asset, record in before.items() if record.location == self.location}
        records = looked(own, self.expected, index, now.timestamp(), location=self.location)
        if records != own:
            others = {asset: values for asset, values in kept.items() if asset not in own}
            transaction.keep_state(RECORDS, {**others, **{asset: of.to_list() for asset, of in records.items()}})
            if self.report is not None:
                self.report(records, {asset for asset, record in own.items() if record.missing}, now)
        known = _Known.of(transaction.incidents(resolved_since=now - 2 * GRACE))
        found: list[Signal] = []
        for asset in {**own, **records}:
            found += self._late(asset, records.get(asset), known, now)
            found += self._budget(asset, records.get(asset), known, now)
        return found

    def _late(self, asset: str, record: Record | None, known: _Known, now: dt.datetime) -> Iterator[Signal]:
        missing = record.missing if record is not None else {}
        # of more than are kept the oldest are forgotten, and are still missing
        full = len(missing) >= MOST_MISSING
        for partition in sorted(known.late.get(asset, ())):
            if partition not in missing and not full:
                yield Signal(Source.DEADLINE, asset, now, good=True, partition=partition)
        told = known.late.get(asset, set()) | known.failed.get(asset, set())
        late = record.late(now.timestamp()) if record is not None else {}
        new = [partition for partition in late if partition not in told]
        message = "".join(described(partition, missing[partition]) for partition in new[:1])
        if len(new) > 1:
            message += f"; {counted(len(new), 'partition')} are missing"
        for partition in new:
            yield replace(self._signal(asset, now), partition=partition, message=message)

    def _signal(self, asset: str, now: dt.datetime) -> Signal:
        if asset in self.roots:
            return Signal(
                Source.DEADLINE, asset, now, kind="not_delivered", actor="sender",
                next_step="ask the sender; what arrives is taken by itself",
            )  # fmt: skip
        return Signal(
            Source.DEADLINE, asset, now, kind="not_published", actor="operator",
            next_step="look at the runs of the asset, and at what is upstream of it", command="platform-assets status",
        )  # fmt: skip

    def _budget(self, asset: str, record: Record | None, known: _Known, now: dt.datetime) -> Iterator[Signal]:
        problem = budget_of(record, self.expected[asset]).problem if record is not None else ""
        if bool(problem) == (asset in known.spent):
            return
        yield Signal(
            Source.FRESHNESS, asset, now, good=not problem, name=BUDGET, severity=Severity.WARNING, message=problem,
            actor="operator", next_step="find out why it is late so often, or agree on a later deadline",
            command="platform-assets status",
        )  # fmt: skip


@dataclass(frozen=True)
class _Known:
    """What incidents hold: partitions by asset reported as late or failed, and assets whose budget is spent."""

    late: Mapping[str, set[str]]
    failed: Mapping[str, set[str]]
    spent: frozenset[str]

    @classmethod
    def of(cls, incidents: Collection[Incident]) -> _Known:
        late: dict[str, set[str]] = {}
        failed: dict[str, set[str]] = {}
        spent = set()
        for incident in incidents:
            for source, subject, name, partition in (*incident.troubled, *incident.affected):
                if source == Source.DEADLINE:
                    late.setdefault(subject, set()).add(partition)
                elif source == Source.FRESHNESS and name == BUDGET:
                    spent.add(subject)
                elif source in _FAILED and incident.is_open:
                    failed.setdefault(subject, set()).add(partition)
        return cls(late, failed, frozenset(spent))
