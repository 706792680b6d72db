"""What a look at a landing folder gives: deliveries, what waits, what is strange, and how far the look has come."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field

from platform_assets.lake.deliveries import Delivery
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.landing.trees import Status


@dataclass(frozen=True)
class Completeness:
    """When a delivery is whole: its files unchanged for ``settle_seconds``, and ``marker`` there if one is named.

    ``marker`` is a path pattern like the files', such as `flights/%Y-%m-%d/_SUCCESS`; it is no data. It comes last, so
    that what changed before it is whole at once. One that ``lists_files`` is a manifest, and says which these are.
    """

    settle_seconds: float = 30.0
    marker: ArrivalPattern | None = None
    lists_files: bool = False


@dataclass
class Arrivals:
    """What a look at the landing folder found.

    ``deliveries`` and ``waiting`` (why it is not complete yet) are by partition key. Of the waiting, ``hindered`` are
    those whose files nobody could look at (rights or a disk are at fault, not the sender), ``unstable`` those that
    only time keeps back, ``undecided`` those that are to be looked at again although nothing of them changes.
    ``young`` are deliveries with a file that is known to be whole before ``settle_seconds`` are
    over. ``unmatched`` are paths of no delivery (no partition, not listed), ``irregular`` paths that are no plain
    files, with what they are, ``faults`` paths that could not be looked at, with the reason. ``partial`` says that
    only the paths of the partitions that were asked for were looked at.
    """

    deliveries: dict[str, Delivery] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    hindered: set[str] = field(default_factory=set)
    unstable: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)
    young: set[str] = field(default_factory=set)
    unmatched: list[str] = field(default_factory=list)
    irregular: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    partial: bool = False


class Files:
    """Files and markers of partitions, gathered before deliveries are made of them."""

    def __init__(self) -> None:
        self.by_key: dict[str, list[Found]] = {}
        self.markers: dict[str, list[Found]] = {}

    def keep(self, found: Found, key: str) -> None:
        (self.markers if found.is_marker else self.by_key).setdefault(key, []).append(found)

    def marked_ns(self, key: str) -> int:
        """When the last marker of a partition changed, in nanoseconds since the epoch; 0 if it has none."""
        return max((found.changed_ns for found in self.markers.get(key, ())), default=0)


@dataclass(frozen=True, order=True)
class Watermark:
    """How far a landing folder has been looked at: everything that changed up to here has been reported.

    The order is that of change, not of names, so that files that arrive late or out of order come after it.
    """

    changed_ns: int = -1
    path: str = ""


@dataclass(frozen=True)
class Rotation:
    """How far objects were listed, of which one look lists a part: a look goes on where the last one ended.

    ``at`` is the key that this round has come to (None: the next look begins a round). ``begun_ns`` is when this round
    began, ``before_ns`` when the one before it did (0: there was none). ``sum`` is one over the objects of this round
    that are older than its begin; ``kept`` one over those older than the round before, and ``expected`` what it has to
    be if none of them was taken away or replaced. ``losses`` counts the rounds in which it was not.
    """

    at: str | None = None
    begun_ns: int = 0
    before_ns: int = 0
    sum: int = 0
    kept: int = 0
    expected: int = 0
    losses: int = 0


@dataclass(frozen=True)
class Look:
    """One look at a landing folder: what it found, and from where the next one goes on.

    ``watermark`` is that of the changes, ``again`` that of a look through everything once more (None: it is through).
    ``ahead`` counts the files whose time of change is far in the future; ``ahead_sum`` and ``folders`` are sums over
    these files and over all folders, which are others once one of them has changed.
    """

    arrivals: Arrivals
    watermark: Watermark
    again: Watermark | None = None
    new: frozenset[str] = frozenset()
    ahead: int = 0
    ahead_sum: int = 0
    folders: int = 0
    rotation: Rotation = field(default_factory=Rotation)


@dataclass(frozen=True)
class Found:
    """One entry of the landing folder, with what its path says of a partition."""

    path: str
    token: tuple[str, ...] | None
    status: Status
    moved_ns: int
    is_marker: bool = False

    @property
    def watermark(self) -> Watermark:
        # a file that is moved or copied in with an old mtime, or one in the future, still has the ctime of its arrival;
        # one in a folder that is moved in keeps its old ctime, and only the folder tells
        return Watermark(self.changed_ns, self.path)

    @property
    def changed_ns(self) -> int:
        return max(self.status.st_ctime_ns, self.moved_ns)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)


def kind_of(mode: int) -> str:
    """What an entry is that is no plain file."""
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "not a plain file")


class Oldest:
    """The first few of many by their watermark, in memory that does not grow with the many."""

    def __init__(self, limit: int, after: Watermark) -> None:
        self._limit, self._after = limit, after
        self._kept: list[tuple[int, str, Found]] = []
        self._last: int | None = None

    def offer(self, found: Found, changed_ns: int) -> None:
        """Keep it if it comes after the watermark, and not after too many others."""
        if changed_ns < self._after.changed_ns or (self._last is not None and changed_ns > self._last):
            return
        if changed_ns == self._after.changed_ns and found.path <= self._after.path:
            return
        self._kept.append((changed_ns, found.path, found))
        if len(self._kept) >= 2 * self._limit + 16:
            self._cut()

    def taken(self) -> list[Found]:
        """The first of those that were offered, in order."""
        self._cut()
        return [found for _, _, found in self._kept]

    def _cut(self) -> None:
        self._kept.sort(key=lambda kept: kept[:2])
        del self._kept[self._limit :]
        if self._kept and len(self._kept) == self._limit:
            self._last = self._kept[-1][0]
