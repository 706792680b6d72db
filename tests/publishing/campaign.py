"""What the campaigns ask after a kill, a race or a full disk: is every partition whole, and old or new?"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from platform_assets.publishing.ledger import LEASES
from platform_assets.publishing.readers import published_versions, unreadable
from platform_assets.warehouse.protocol import Warehouse
from tests.publishing import writer
from tests.publishing.marts import DAYS, MART, TABLE, versions
from tests.publishing.support import ASSET, Lake, content
from tests.publishing.writer import PARTITIONS, ROWS, publish_files, publish_in_place
from tests.support.engines import location_of
from tests.support.forked import Forked

_MART = "SELECT CAST(day AS VARCHAR), max(v), count(DISTINCT v), count(*) FROM marts.daily GROUP BY 1"


@dataclass(frozen=True)
class Campaign:
    """One of the two ways of publishing (``files``, ``in_place``), on one warehouse."""

    kind: str
    warehouse: Warehouse
    lake: Lake

    def start(self, version: str, count: int = 1, *, failpoint: str = "") -> Forked:
        """A writer of ``count`` versions, in a process of its own."""
        return Forked(
            writer.main, self._words(version, count), {"PLATFORM_FAILPOINTS": f"{failpoint}=kill"} if failpoint else {}
        )

    def start_limited(self, version: str, count: int, limit: int) -> subprocess.Popen[str]:
        """The same, where no file may grow past ``limit`` bytes."""
        command = [sys.executable, "-m", "tests.publishing.writer", *self._words(version, count), str(limit)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start_killed(self, version: str, statements: int) -> Forked:
        """A writer of one version that kills itself before the statement of that number."""
        return Forked(writer.main_until, [str(statements), *self._words(version, 1)])

    def _words(self, version: str, count: int) -> list[str]:
        return [self.kind, location_of(self.warehouse), str(self.lake.folder), version, str(count)]

    def prepare(self, version: str, count: int) -> None:
        """Write the files of ``count`` versions (0: of this very one), so that a writer does nothing but publish."""
        if self.kind == "files":
            for name in [f"{version}{i}" for i in range(count)] or [version]:
                for partition in PARTITIONS:
                    self.lake.candidate(partition, name, rows=ROWS)

    def publish(self, version: str) -> list[str]:
        """Published by this process, which waits for nobody's lease."""
        if self.kind == "files":
            return publish_files(self.warehouse, self.lake, version, wait_seconds=0)
        return publish_in_place(self.warehouse, version, wait_seconds=0)

    def whole(self) -> dict[str, str]:
        """The version of each published partition, once it is certain that each is whole and what the ledger says."""
        return self._whole_files() if self.kind == "files" else self._whole_in_place()

    def _whole_files(self) -> dict[str, str]:
        found = content(self.warehouse)
        ledger = published_versions(self.warehouse, asset=ASSET, partitions=PARTITIONS)
        assert set(found) == set(ledger)
        for partition, rows in found.items():
            assert len(rows) == ROWS, (partition, len(rows))
            assert set(rows) == {ledger[partition].version}
        return {partition: entry.version for partition, entry in ledger.items()}

    def _whole_in_place(self) -> dict[str, str]:
        copied = versions(self.warehouse, ROWS)
        ledger = published_versions(self.warehouse, asset="published/daily", partitions=DAYS)
        assert {day: entry.run_id for day, entry in ledger.items()} == copied
        # the mart itself was overwritten: what may be read of it is whole, the rest is closed
        closed = unreadable(self.warehouse, asset=MART, partitions=DAYS, allow_previous=False)
        verdicts = published_versions(self.warehouse, asset=MART, partitions=DAYS)
        with self.warehouse.session(read_only=True) as session:
            exists = session.describe(TABLE) is not None
            rows = session.execute(_MART) if exists else []
        found = {day: (version, distinct, count) for day, version, distinct, count in rows}
        for day in DAYS:
            assert day in closed or found[day] == (verdicts[day].run_id, 1, ROWS)
        return copied

    def leases(self) -> int:
        """How many leases somebody holds, dead or alive."""
        with self.warehouse.session(read_only=True) as session:
            if session.describe(LEASES) is None:
                return 0
            return session.execute("SELECT count(*) FROM platform.leases WHERE holder IS NOT NULL")[0][0]
