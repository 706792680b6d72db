"""A real server of Azure's blob storage on loopback, azurite, where the machine has it (`npm install azurite`)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ACCOUNT, KEY = "test", base64.b64encode(b"key of a test").decode()
VERSION = "2021-08-06"


@dataclass(frozen=True)
class AzureServer:
    """Where it listens. ``variables`` are those by which clients find it; the key is no secret."""

    port: int

    @property
    def variables(self) -> dict[str, str]:
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.port}",
        }

    def bucket(self) -> str:
        """The URL of a new container."""
        name = f"container-{uuid.uuid4().hex[:12]}"
        date = dt.datetime.now(dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = {"x-ms-date": date, "x-ms-version": VERSION}
        signed = "\n".join(f"{header}:{value}" for header, value in sorted(headers.items()))
        text = f"PUT{12 * chr(10)}{signed}\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
        headers |= {"Authorization": f"SharedKey {ACCOUNT}:{signature}", "Content-Length": "0"}
        url = f"http://127.0.0.1:{self.port}/{ACCOUNT}/{name}?restype=container"
        urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers)).close()
        return f"az://{name}"


def azurite() -> str | None:
    """The command that starts the server, if this machine has it."""
    return shutil.which("azurite-blob")


@contextmanager
def azure_server() -> Iterator[AzureServer]:
    """A server that keeps everything in memory."""
    program = azurite()
    assert program is not None
    command = [program, "--inMemoryPersistence", "--blobPort", "0", "--skipApiVersionCheck", "--disableTelemetry"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        try:
            said = ""
            while (port := re.search(r"successfully listens on http://127\.0\.0\.1:(\d+)", said)) is None:
                line = server.stdout.readline()
                assert line, said
                said += line
            yield AzureServer(int(port[1]))
        finally:
            server.terminate()
