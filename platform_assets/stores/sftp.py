"""Files below a URL of an SFTP server (`sftp://user@host:22/folder`): listed and read, and never changed.

The host's key must be in `known_hosts`. A user proves who they are by a key (of the agent, of `~/.ssh`, or the file in
`PLATFORM_SFTP_KEY`) or by the password in `PLATFORM_SFTP_PASSWORD`. `~/.ssh/config` counts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.failures import Kind
from platform_assets.stores.errors import InvalidUrl, StoreError, StoreFault, StoreRefused
from platform_assets.stores.objects import Version
from platform_assets.stores.sftp_connections import Connection, connections
from platform_assets.stores.status import FileStatus

if TYPE_CHECKING:
    import paramiko

PASSWORD_VARIABLE = "PLATFORM_SFTP_PASSWORD"  # noqa: S105 - a name
KEY_VARIABLE = "PLATFORM_SFTP_KEY"
PASSPHRASE_VARIABLE = "PLATFORM_SFTP_KEY_PASSPHRASE"  # noqa: S105 - a name
KNOWN_HOSTS_VARIABLE = "PLATFORM_SFTP_KNOWN_HOSTS"
PORT = 22
TIMEOUT = 20.0
"""Seconds that a server may take for one answer."""
PIECE = 1 << 20
REQUESTS_AHEAD = 64
"""Requests of 32 KB that are under way at a time while a file is read."""

_URL = re.compile(
    r"sftp://(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:]+)(?::(?P<port>\d+))?(?P<path>/.*)?"
)


class MissingClient(StoreError):
    """paramiko is not installed."""

    kind = Kind.MISCONFIGURED
    code = "store:client"


def is_sftp(location: str) -> bool:
    """Whether it is a URL of an SFTP server."""
    return location.startswith("sftp://")


@dataclass(frozen=True)
class SftpEntry:
    """One entry of a listing; a link is not followed."""

    name: str
    status: FileStatus

    def stat(self, *, follow_symlinks: bool = False) -> FileStatus:  # noqa: ARG002 - a listing follows none
        return self.status


@dataclass(frozen=True)
class SftpFolder:
    """The folder at ``root``, the URL; paths are relative to it. What hinders a look at one of them is an ``OSError``.

    Raises:
        InvalidUrl: if the URL names no host, or holds a password.
    """

    root: str

    def __post_init__(self) -> None:
        if _URL.fullmatch(self.root) is None:
            # not quoted: it may hold a password
            raise InvalidUrl("the URL must be sftp://user@host:port/folder, without password or options")

    def __str__(self) -> str:
        return self.root

    def stat(self, path: str) -> FileStatus:
        """What ``path`` is, or the target of the link that it is."""
        with self._session("looking at it") as client:
            return _status(client.stat(self._path(path)))

    @contextlib.contextmanager
    def scan(self, path: str) -> Iterator[Iterator[SftpEntry]]:
        """The entries of the folder ``path``."""
        with self._session("listing it") as client:
            entries = [SftpEntry(each.filename, _status(each)) for each in client.listdir_iter(self._path(path))]
        yield iter(entries)

    def exists(self, key: str) -> bool:
        """Whether there is something at the path ``key``."""
        try:
            self.stat(key)
        except FileNotFoundError:
            return False
        return True

    def fetch(self, key: str, path: Path, *, version: Version | None = None) -> bool:
        """Write a file into ``path``; False if it is not there, or is not of ``version`` before and after."""
        remote = self._path(key)
        with self._session("reading it") as client, path.open("wb") as out:
            try:
                with client.open(remote, "rb") as source:
                    before = _status(source.stat())
                    if version is not None and not _is_of(before, version):
                        return False
                    source.prefetch(before.st_size, REQUESTS_AHEAD)
                    shutil.copyfileobj(source, out, PIECE)
                after = _status(client.stat(remote))
            except FileNotFoundError:
                return False
        return after == before and path.stat().st_size == before.st_size

    def _path(self, path: str) -> str:
        whole = f"{self._address['path'].rstrip('/')}/{path}".rstrip("/")
        if whole == "/~" or whole.startswith("/~/"):
            # from the folder in which the user arrives
            return whole[3:] or "."
        return whole or "/"

    @cached_property
    def _address(self) -> dict[str, str]:
        match = _URL.fullmatch(self.root)
        assert match is not None
        return {name: value or "" for name, value in match.groupdict().items()}

    @contextlib.contextmanager
    def _session(self, doing: str) -> Iterator[paramiko.SFTPClient]:
        """A connection; what ends it says nothing of the files."""
        try:
            with connections.one(self._identity, self._connect) as session:
                yield session
        except (ConnectionError, TimeoutError, EOFError) as error:
            raise self._fault(error, doing) from None
        except Exception as error:
            if type(error).__module__.startswith("paramiko"):
                raise self._fault(error, doing) from None
            raise

    @property
    def _identity(self) -> tuple[str, int]:
        """The server, and who asks it."""
        address = self._address
        who = [os.environ.get(name) for name in (PASSWORD_VARIABLE, KEY_VARIABLE, KNOWN_HOSTS_VARIABLE)]
        return f"{address['user']}@{address['host']}:{address['port']}", hash(tuple(who))

    def _connect(self) -> Connection:
        try:
            import paramiko
        except ImportError:
            raise MissingClient(
                f"{self.root}: SFTP needs the package paramiko: pip install 'platform-assets[sftp]'"
            ) from None
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # what it would say is raised too
        address = self._address
        known = _ssh_config().lookup(address["host"].strip("[]"))
        client = paramiko.SSHClient()
        try:
            client.load_system_host_keys(os.environ.get(KNOWN_HOSTS_VARIABLE) or None)
            client.set_missing_host_key_policy(paramiko.RejectPolicy())
            key = os.environ.get(KEY_VARIABLE) or known.get("identityfile")
            client.connect(
                known.get("hostname", address["host"].strip("[]")),
                port=int(address["port"] or known.get("port") or PORT),
                username=address["user"] or known.get("user"),
                password=os.environ.get(PASSWORD_VARIABLE) or None,
                key_filename=key or None,
                passphrase=os.environ.get(PASSPHRASE_VARIABLE) or None,
                timeout=TIMEOUT, banner_timeout=TIMEOUT, auth_timeout=TIMEOUT, channel_timeout=TIMEOUT,
            )  # fmt: skip
            session = client.open_sftp()
        except Exception as error:
            client.close()
            if isinstance(error, (OSError, EOFError)) or type(error).__module__.startswith("paramiko"):
                raise self._fault(error, "connecting") from None
            raise
        channel = session.get_channel()
        assert channel is not None
        channel.settimeout(TIMEOUT)
        return Connection(client, session)

    def _fault(self, error: Exception, doing: str) -> StoreError:
        import paramiko

        if isinstance(error, StoreError):
            return error
        if isinstance(error, paramiko.BadHostKeyException):
            return StoreRefused(
                f"{self.root}: the server's host key is not the one in known_hosts: find out why before the entry is "
                "changed"
            )
        if isinstance(error, paramiko.SSHException) and "known_hosts" in str(error):
            return StoreRefused(
                f"{self.root}: the server's host key is not in known_hosts. Add it there once it has been checked "
                f"(~/.ssh/known_hosts, or the file in {KNOWN_HOSTS_VARIABLE})"
            )
        if isinstance(error, (paramiko.AuthenticationException, paramiko.PasswordRequiredException)):
            return StoreRefused(
                f"{self.root}: the server does not accept who asks ({type(error).__name__}). Give a key "
                f"({KEY_VARIABLE}, the agent, ~/.ssh) or a password ({PASSWORD_VARIABLE})"
            )
        if isinstance(error, FileNotFoundError):
            return StoreRefused(f"{self.root}: {error.filename or KEY_VARIABLE} is not there: {error.strerror}")
        words = str(error) or type(error).__name__
        return StoreFault(f"{self.root}: {doing} failed ({words[:200]}). Nothing is known of it: try again")


def _ssh_config() -> paramiko.SSHConfig:
    import paramiko

    path = Path("~/.ssh/config").expanduser()
    if not path.is_file():
        return paramiko.SSHConfig()
    return paramiko.SSHConfig.from_path(str(path))


def _status(attributes: paramiko.SFTPAttributes) -> FileStatus:
    mode, size, changed = attributes.st_mode, attributes.st_size, attributes.st_mtime
    return FileStatus(stat.S_IFREG if mode is None else mode, size or 0, int(changed or 0) * 10**9)


def _is_of(found: FileStatus, version: Version) -> bool:
    return (found.st_size, found.st_mtime_ns) == (version.size, version.changed_ns)
