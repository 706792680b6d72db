"""Listing objects where their keys begin in one of some ways, without listing what lies between these.

A store lists a thousand objects a request, in the order of their keys, and can begin at any of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from platform_assets.stores.objects import Listed, Objects

FEW = 50
"""So many beginnings are listed folder by folder, where a store looks at nothing else; more of them all at once."""


def merged(beginnings: Iterable[str]) -> list[str]:
    """The beginnings in order, without those that another one covers."""
    found: list[str] = []
    for beginning in sorted(beginnings):
        if not found or not beginning.startswith(found[-1]):
            found.append(beginning)
    return found


def listed_from(
    objects: Objects, folder: str, beginnings: Iterable[str], *, until: float | None = None
) -> Iterator[Listed]:
    """The objects in ``folder`` whose keys begin in one of these ways, in order.

    A request is made for each beginning, or for each thousand objects where many beginnings lie side by side; none
    after ``until``, a time of the monotonic clock.
    """
    wanted = merged(beginnings)
    if len(wanted) > FEW:
        yield from _listed(objects, folder, wanted, until)
        return
    for deepest, part in groupby(wanted, lambda beginning: max(folder, beginning.rpartition("/")[0], key=len)):
        yield from _listed(objects, deepest, list(part), until)


def _listed(objects: Objects, folder: str, wanted: Sequence[str], until: float | None) -> Iterator[Listed]:
    at, reached = 0, ""
    while at < len(wanted) and not _is_over(until):
        for page in objects.pages(folder, after=max(_before(wanted[at]), reached)):
            for each in page:
                while at < len(wanted) and each.key > wanted[at] and not each.key.startswith(wanted[at]):
                    at += 1
                if at < len(wanted) and each.key.startswith(wanted[at]):
                    yield each
            reached = page[-1].key
            if at == len(wanted) or reached < wanted[at] or _is_over(until):
                break
        else:
            return


def _is_over(until: float | None) -> bool:
    return until is not None and time.monotonic() > until


def _before(beginning: str) -> str:
    """A key that comes before all that begin so, and after most that begin otherwise; empty if there is none."""
    if not beginning or not "!" < beginning[-1] < "\x7f" or beginning[-1] == "/":
        return beginning[:-1].rstrip("/")
    before = chr(ord(beginning[-1]) - 1)
    return beginning[:-1] + ("." if before == "/" else before) + "~~~"
