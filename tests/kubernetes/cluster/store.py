"""Objects of the API server, and what it answers for a fault: as JSON."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import uuid
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


class Refused(Exception):
    """A request that is answered with a `Status`."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "details": {}, "code": code,
        }  # fmt: skip


def now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """All objects, by resource, namespace and name. One lock guards them; whoever changes one holds it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._versions = itertools.count(1)
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}

    def namespaces(self, resource: str) -> set[str]:
        return {namespace for namespace, _ in self._objects.get(resource, {})}

    def create(self, resource: str, namespace: str, body: Object) -> Object:
        with self.lock:
            meta = body.setdefault("metadata", {})
            if "name" not in meta:
                meta["name"] = f"{meta['generateName']}{uuid.uuid4().hex[:5]}"
            key, kept = (namespace, meta["name"]), self._objects.setdefault(resource, {})
            if key in kept:
                raise Refused(409, "AlreadyExists", f'{resource} "{meta["name"]}" already exists')
            meta |= {"namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": now()}
            kept[key] = self.touched(body)
            return body

    def touched(self, thing: Object) -> Object:
        thing["metadata"]["resourceVersion"] = str(next(self._versions))
        return thing

    def get(self, resource: str, namespace: str, name: str) -> Object:
        with self.lock:
            found = self._objects.get(resource, {}).get((namespace, name))
            if found is None:
                raise Refused(404, "NotFound", f'{resource} "{name}" not found')
            return found

    def has(self, resource: str, namespace: str, name: str) -> bool:
        return (namespace, name) in self._objects.get(resource, {})

    def list(self, resource: str, namespace: str, labels: str = "", fields: str = "") -> list[Object]:
        with self.lock:
            return [
                thing
                for (place, _), thing in sorted(self._objects.get(resource, {}).items())
                if place == namespace and _by_labels(labels)(thing) and _by_fields(fields)(thing)
            ]

    def remove(self, resource: str, namespace: str, name: str) -> None:
        with self.lock:
            self._objects.get(resource, {}).pop((namespace, name), None)

    def event(self, about: Object, kind: str, reason: str, message: str, *, warning: bool = True) -> None:
        """Record an event; one that repeats is counted."""
        meta = about["metadata"]
        with self.lock:
            for event in self.list("events", meta["namespace"], "", f"involvedObject.name={meta['name']}"):
                if (event["reason"], event["message"]) == (reason, message):
                    event["count"] += 1
                    event["lastTimestamp"] = now()
                    return
            involved = {"kind": kind, "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}
            event = {
                "metadata": {"generateName": f"{meta['name']}."}, "involvedObject": involved, "reason": reason,
                "message": message, "type": "Warning" if warning else "Normal", "count": 1,
                "firstTimestamp": now(), "lastTimestamp": now(),
            }  # fmt: skip
            self.create("events", meta["namespace"], event)


def _by_labels(selector: str) -> Callable[[Object], bool]:
    wanted = [part.partition("=") for part in selector.split(",") if part]

    def fits(thing: Object) -> bool:
        labels = thing["metadata"].get("labels") or {}
        return all(labels.get(key) == value if sign else key in labels for key, sign, value in wanted)

    return fits


def _by_fields(selector: str) -> Callable[[Object], bool]:
    wanted = [part.partition("=") for part in selector.split(",") if part]

    def value(thing: Any, path: str) -> Any:
        for step in path.split("."):
            thing = (thing or {}).get(step)
        return thing

    return lambda thing: all(value(thing, path) == expected for path, _, expected in wanted)
