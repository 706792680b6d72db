"""A real S3 server on loopback, moto's, in a process of its own that ends with the one that started it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FILLED = "filled"
"""The bucket of the objects that a server has from its start."""

SERVER = f"""
import json, sys
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
objects = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
objects.create_bucket("{FILLED}", "us-east-1")
for key in json.loads(sys.stdin.readline()):
    objects.put_object("{FILLED}", key, b"id\\n1\\n")
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class S3Server:
    """Where it listens. ``variables`` are those by which clients find it; the keys are no secrets."""

    port: int

    @property
    def variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def bucket(self) -> str:
        """The URL of a new bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        url = f"http://127.0.0.1:{self.port}/{name}"
        urllib.request.urlopen(urllib.request.Request(url, method="PUT")).close()
        return f"s3://{name}"

    def put(self, url: str, content: bytes) -> None:
        """Make an object of any key, such as none that clients of object stores would make."""
        path = urllib.parse.quote(url.removeprefix("s3://"))
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data=content, method="PUT")
        urllib.request.urlopen(request).close()


@contextmanager
def s3_server(keys: Iterable[str] = ()) -> Iterator[S3Server]:
    """A server whose bucket ``filled`` holds small objects of these ``keys``."""
    command = [sys.executable, "-c", SERVER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            server.stdin.write(json.dumps(list(keys)) + "\n")
            server.stdin.flush()
            yield S3Server(int(server.stdout.readline()))
        finally:
            server.stdin.close()
