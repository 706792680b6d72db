"""The objects below a URL (`s3://`, `gs://`, `az://`): the few operations that the lake and landing are made of.

Credentials come from the usual chain of each cloud: its variables, a web identity, the machine's role. Requests that a
store refuses for the moment (500, 503, no answer) are repeated by obstore, and here those whose answer breaks off.
obstore's threads are started by the first request of a process, never at import.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from platform_assets.stores.errors import InvalidUrl, StoreFault, faults_of, no_such_store

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az")
"""Schemes of the URLs that can be opened here."""

ENDPOINTS = ("AWS_ENDPOINT_URL", "AZURE_STORAGE_ENDPOINT")
"""Variables that name another server; one without TLS is taken as it is named."""

DELETED_AT_ONCE = 1_000
REQUEST_TIMEOUT = dt.timedelta(seconds=60)
CHUNK = 1 << 20
ATTEMPTS = 6
FIRST_WAIT = 0.05
PAGE = 1_000


def is_url(location: str) -> bool:
    """Whether it is a URL of objects, and no path."""
    return re.match(rf"({'|'.join(SCHEMES)})://", location) is not None


P = ParamSpec("P")
R = TypeVar("R")


class _Patience:
    """Whether a request is made once more after a fault: a few times, as long as the store has not been waited for."""

    def __init__(self, seconds: float) -> None:
        self._until, self._faults = time.monotonic() + seconds, 0

    def is_over(self) -> bool:
        """Count a fault; False after a wait."""
        self._faults += 1
        if self._faults == ATTEMPTS or time.monotonic() > self._until:
            return True
        time.sleep(FIRST_WAIT * 2**self._faults)
        return False


def _repeated(ask: Callable[Concatenate[Objects, P], R]) -> Callable[Concatenate[Objects, P], R]:
    """The request, made again where its answer broke off, of which obstore gives an error. Each may be made twice."""

    @functools.wraps(ask)
    def repeated(self: Objects, *arguments: P.args, **more: P.kwargs) -> R:
        patience = _Patience(self.patience_seconds)
        while True:
            try:
                return ask(self, *arguments, **more)
            except StoreFault:
                if patience.is_over():
                    raise

    return repeated


@dataclass(frozen=True)
class Version:
    """A version of a file: its size in bytes, when it changed (nanoseconds since the epoch), and its e-tag if any."""

    size: int
    changed_ns: int
    etag: str = ""


@dataclass(frozen=True, order=True)
class Listed:
    """An object as a listing names it: ``key`` below the URL, ``size`` in bytes, and what tells its versions apart."""

    key: str
    size: int
    changed: dt.datetime
    etag: str


@dataclass(frozen=True)
class Objects:
    """The objects below ``url``; keys are relative to it. Cheap to make: nothing is asked for before it is used.

    A request is repeated for ``patience_seconds`` while the store does not answer.
    """

    url: str
    patience_seconds: int = 60

    def __post_init__(self) -> None:
        bucket = re.fullmatch(r"[a-z0-9]+://([^/?#@]+)(/[^?#]*)?", self.url)
        if bucket is None:
            # not quoted: it may hold a password
            raise InvalidUrl("the URL must be scheme://bucket/folder, without user, password or options")

    def __str__(self) -> str:
        return self.url

    def named(self, key: str) -> str:
        """The URL of an object."""
        return f"{self.url.rstrip('/')}/{key}"

    @_repeated
    def read(self, key: str) -> bytes | None:
        """The content of a small object; None if it is not there."""
        import obstore

        with faults_of(self.named(key), "reading"):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError:
                return None

    @_repeated
    def create(self, key: str, content: bytes) -> bool:
        """Write a small object if there is none of that name, in one step; False if there is another one.

        An answer that got lost does not make it another one: ``content`` that is there counts as written here.
        """
        import obstore

        with faults_of(self.named(key), "writing"):
            try:
                obstore.put(self._store, key, content, mode="create", use_multipart=False)
            except obstore.exceptions.AlreadyExistsError:
                return self.read(key) == content
            except FileNotFoundError:
                raise no_such_store(self.url) from None
            return True

    @_repeated
    def upload(self, key: str, path: Path) -> None:
        """Write a file as an object, in parts of bounded memory; nobody sees it before it is whole."""
        import obstore

        with faults_of(self.named(key), "writing"):
            try:
                obstore.put(self._store, key, path)
            except FileNotFoundError:
                raise no_such_store(self.url) from None

    @_repeated
    def fetch(self, key: str, path: Path, *, version: Version | None = None) -> bool:
        """Write an object into a file, in pieces; False if it is not there, or not in ``version`` any more."""
        import obstore

        with faults_of(self.named(key), "reading"), path.open("wb") as file:
            try:
                options: GetOptions = {"if_match": version.etag} if version and version.etag else {}
                for chunk in obstore.get(self._store, key, options=options).stream(min_chunk_size=CHUNK):
                    file.write(chunk)
            except (FileNotFoundError, obstore.exceptions.PreconditionError):
                return False
        return True

    @_repeated
    def fetch_end(self, key: str, path: Path, length: int) -> bool:
        """Write a file of an object's size with its last ``length`` bytes after a hole; False if it is not there."""
        import obstore

        with faults_of(self.named(key), "reading"), path.open("wb") as file:
            try:
                size = obstore.head(self._store, key)["size"]
                if length := min(size, length):
                    file.seek(size - length)
                    file.write(obstore.get_range(self._store, key, start=size - length, length=length))
            except FileNotFoundError:
                return False
        return True

    def listed(self, folder: str = "", *, after: str = "") -> Iterator[Listed]:
        """The objects below ``folder`` at any depth, in the order of their keys, those up to ``after`` left out."""
        for page in self.pages(folder, after=after):
            yield from page

    def pages(self, folder: str = "", *, after: str = "") -> Iterator[list[Listed]]:
        """As :meth:`listed`, a thousand at a time: a request each, which is made when the page is asked for."""
        import obstore

        patience = _Patience(self.patience_seconds)
        while True:
            try:
                with faults_of(self.named(folder), "listing"):
                    pages = iter(obstore.list(self._store, folder or None, offset=after or None, chunk_size=PAGE))
                since = after
                while True:
                    with faults_of(self.named(folder), "listing"):
                        page = next(pages, None)
                    if page is None:
                        return
                    # an emulator may not know where a listing is to begin
                    found = [_listed(each) for each in page if each["path"] > since]
                    if found:
                        yield found
                        after, patience = found[-1].key, _Patience(self.patience_seconds)
            except StoreFault:
                if patience.is_over():
                    raise

    @_repeated
    def look(self, key: str) -> Listed | None:
        """What a listing would say of an object; None if it is not there."""
        import obstore

        with faults_of(self.named(key), "looking at it"):
            try:
                found = obstore.head(self._store, key)
            except FileNotFoundError:
                return None
        return _listed(found)

    @_repeated
    def folders(self, folder: str = "") -> list[str]:
        """The names of the folders directly in ``folder``, in order."""
        import obstore

        with faults_of(self.named(folder), "listing"):
            found = obstore.list_with_delimiter(self._store, folder or None)
        return sorted(prefix.rstrip("/").rsplit("/", 1)[-1] for prefix in found["common_prefixes"])

    def exists(self, key: str) -> bool:
        """Whether there is an object of that name."""
        return self.look(key) is not None

    @_repeated
    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are left at that."""
        import obstore

        for start in range(0, len(keys), DELETED_AT_ONCE):
            part = list(keys[start : start + DELETED_AT_ONCE])
            with faults_of(self.url, "removing objects"):
                try:
                    obstore.delete(self._store, part)
                except FileNotFoundError:
                    # some stores say so of one that is gone already, and leave the rest
                    for key in part:
                        with contextlib.suppress(FileNotFoundError):
                            obstore.delete(self._store, key)

    @cached_property
    def _store(self) -> ObjectStore:
        from obstore.store import from_url

        http = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
        with faults_of(self.url, "opening"):
            return from_url(
                self.url,
                client_options={"timeout": REQUEST_TIMEOUT, **({"allow_http": True} if http else {})},
                retry_config={"max_retries": 8, "retry_timeout": dt.timedelta(seconds=self.patience_seconds)},
            )


def _listed(meta: ObjectMeta) -> Listed:
    return Listed(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"] or "")
