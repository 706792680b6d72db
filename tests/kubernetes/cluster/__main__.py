"""The double's API server. `python -m tests.kubernetes.cluster PORT FOLDER` serves until it is ended."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kubernetes.cluster.jobs import JobController, refuse_unknown
from tests.kubernetes.cluster.kubelet import Kubelet
from tests.kubernetes.cluster.store import Object, Refused, Store, now

RESOURCES = {
    "pods": ("v1", "Pod"), "events": ("v1", "Event"), "secrets": ("v1", "Secret"), "configmaps": ("v1", "ConfigMap"),
    "serviceaccounts": ("v1", "ServiceAccount"), "jobs": ("batch/v1", "Job"),
    "leases": ("coordination.k8s.io/v1", "Lease"),
}  # fmt: skip
VERBS = {"GET": "get", "POST": "create", "DELETE": "delete", "PUT": "update"}


class Lost(Exception):
    """What was asked for is done, and its answer does not arrive."""


class Cluster:
    """Everything that the requests see. ``rights`` has verbs, such as `pods/log:get`, by token; another may do all."""

    def __init__(self, folder: Path) -> None:
        self.store = Store()
        self.kubelet, self.jobs = Kubelet(self.store, folder), JobController(self.store)
        self.rights: dict[str, list[str]] = {}
        self.frozen_until = self.refused_until = 0.0
        self.loses: list[str] = []
        """What is done once each without an answer."""
        self.requests: dict[str, list[str]] = defaultdict(list)
        """What each token has asked for, once each."""
        self.kubelet.start()
        self.jobs.start()

    def handle(self, token: str, method: str, url: str, body: Object) -> Any:
        parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
        steps = [step for step in parts.path.split("/") if step]
        if steps[0] == "double":
            return self._side_door(steps[1], body)
        namespace, resource, *rest = steps[steps.index("namespaces") + 1 :]
        name, part = (*rest, "", "")[:2]
        verb = "list" if method == "GET" and not name else VERBS[method]
        needed = f"{resource}/{part}:{verb}" if part else f"{resource}:{verb}"
        if needed not in self.requests[token]:
            self.requests[token].append(needed)
        if token in self.rights and needed not in self.rights[token]:
            message = (
                f'{resource} is forbidden: User "{token}" cannot {verb} resource "{needed.split(":")[0]}" in API group '
                f'"{_group(resource)}" in the namespace "{namespace}"'
            )
            raise Refused(403, "Forbidden", message)
        if resource not in RESOURCES:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        answer = self._answer(verb, resource, namespace, name, part, query, body)
        if needed in self.loses:
            self.loses.remove(needed)
            raise Lost
        return answer

    def _answer(
        self, verb: str, resource: str, namespace: str, name: str, part: str, query: dict[str, list[str]], body: Object
    ) -> Any:
        version, kind = RESOURCES[resource]
        if verb == "list":
            selectors = [query.get(each, [""])[0] for each in ("labelSelector", "fieldSelector")]
            items = self.store.list(resource, namespace, *selectors)
            return {"kind": f"{kind}List", "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": items}
        if verb == "create":
            if resource == "jobs":
                refuse_unknown(body)
                body["status"] = {}
            return self.store.create(resource, namespace, {"kind": kind, "apiVersion": version, **body})
        if part == "log":
            return self._log(namespace, name, query)
        if verb == "get":
            return self.store.get(resource, namespace, name)
        if verb == "delete":
            policy = query.get("propagationPolicy", [body.get("propagationPolicy") or ""])[0]
            return self._delete(resource, namespace, name, policy)
        return self.store.touched(self.store.get(resource, namespace, name) | body)

    def _delete(self, resource: str, namespace: str, name: str, policy: str) -> Object:
        if resource == "jobs":
            return self.jobs.delete(namespace, name, policy)
        with self.store.lock:
            thing = self.store.get(resource, namespace, name)
            if resource == "pods":
                thing["metadata"].setdefault("deletionTimestamp", now())
            else:
                self.store.remove(resource, namespace, name)
            return thing

    def _log(self, namespace: str, name: str, query: dict[str, list[str]]) -> str:
        self.store.get("pods", namespace, name)
        path = self.kubelet.logs / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-int(query.get("tailLines", ["100000"])[0]) :])

    def _side_door(self, what: str, body: Object) -> Object:
        """What a test says, and asks, beside the API."""
        if what == "faults":
            for key, value in body.items():
                setattr(self.kubelet.faults, key, value)
        elif what == "rights":
            self.rights = body
        elif what == "freeze":
            self.frozen_until = time.monotonic() + body["seconds"]
        elif what == "refuse":
            self.refused_until = time.monotonic() + body["seconds"]
        elif what == "lose":
            self.loses.append(body["needed"])
        elif what == "disrupt":
            self.kubelet.disrupt(body["namespace"], body["pod"], body["how"])
        away = time.monotonic() < max(self.frozen_until, self.refused_until)
        return {"of": self.requests, "lost": len(self.loses), "away": away}


def _group(resource: str) -> str:
    version = RESOURCES.get(resource, ("v1", ""))[0]
    return version.partition("/")[0] if "/" in version else ""


def serve(port: int, folder: Path) -> None:
    cluster = Cluster(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            beside = self.path.startswith("/double")
            if not beside and time.monotonic() < cluster.refused_until:
                self.hang_up()
                return
            while not beside and time.monotonic() < cluster.frozen_until:
                time.sleep(0.1)
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            try:
                code, found = 200, cluster.handle(token, self.command, self.path, json.loads(text or b"{}"))
            except Refused as refused:
                code, found = refused.code, refused.body
            except Lost:
                self.hang_up()
                return
            with cluster.store.lock:
                data = found.encode() if isinstance(found, str) else json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def hang_up(self) -> None:
            """What a client sees of a server that is not there."""
            self.close_connection = True
            self.connection.shutdown(2)

        do_GET = do_POST = do_DELETE = do_PUT = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("serving", flush=True)
    server.serve_forever()
    cluster.kubelet.stop()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
