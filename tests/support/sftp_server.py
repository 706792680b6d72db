"""A real SFTP server on loopback, OpenSSH's or that of asyncssh, in a process of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

ASYNCSSH = """
import asyncio, sys, asyncssh
async def main():
    server = await asyncssh.listen("127.0.0.1", 0, server_host_keys=[sys.argv[1]], authorized_client_keys=sys.argv[2],
                                   sftp_factory=True)
    print(server.get_port(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""
SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {home}/host
AuthorizedKeysFile {home}/authorized
PidFile {home}/pid
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class SftpServer:
    """Where it listens, and the folder with the keys of server and user."""

    port: int
    home: Path

    @property
    def variables(self) -> dict[str, str]:
        return {
            "PLATFORM_SFTP_KEY": str(self.home / "user"),
            "PLATFORM_SFTP_KNOWN_HOSTS": str(self.home / "known_hosts"),
        }

    def url(self, folder: Path) -> str:
        return f"sftp://{user()}@127.0.0.1:{self.port}{folder}"


def user() -> str:
    """The name of the user that this process runs as."""
    return pwd.getpwuid(os.getuid()).pw_name


@contextmanager
def sftp_server(home: Path, *, openssh: bool) -> Iterator[SftpServer]:
    """A server for this user, who has a key; ``home`` is an empty folder for its keys."""
    for name in ("host", "user"):
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(home / name))
        (home / name).chmod(0o600)
    key = asyncssh.read_private_key(str(home / "user")).export_public_key()
    (home / "authorized").write_bytes(key)
    with _openssh(home) if openssh else _asyncssh(home) as port:
        host_key = asyncssh.read_private_key(str(home / "host")).export_public_key().decode().strip()
        (home / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
        yield SftpServer(port, home)


def sshd() -> str | None:
    """The path of OpenSSH's server, if this machine has it."""
    return shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


@contextmanager
def _asyncssh(home: Path) -> Iterator[int]:
    command = [sys.executable, "-c", ASYNCSSH, str(home / "host"), str(home / "authorized")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


@contextmanager
def _openssh(home: Path) -> Iterator[int]:
    program = sshd()
    assert program is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (home / "sshd_config").write_text(SSHD.format(port=port, home=home))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    command = [program, "-D", "-e", "-f", str(home / "sshd_config")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            Retrying(
                stop=stop_after_delay(60), wait=wait_fixed(0.02), retry=retry_if_result(lambda answers: not answers)
            )(_answers, port)
            yield port
        finally:
            # a session outlives the server that has begun it
            for process in [*psutil.Process(server.pid).children(recursive=True), server]:
                process.terminate()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
