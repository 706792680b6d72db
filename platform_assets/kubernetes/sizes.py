"""The size classes of pods, in a YAML file that the launcher's configuration names:

    default: small
    sizes:                          # in order: a run that is out of memory goes on in the next one
      small: {memory: 512Mi, cpu: 250m}
      medium: {memory: 2Gi, cpu: 1}
      gpu:
        memory: 32Gi
        cpu: 8
        limits: {nvidia.com/gpu: 1}
        nodeSelector: {pool: gpu}
        tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
        ladder: false               # no run comes here for its memory
    teams:                          # owners of assets, such as team:finance
      finance: {priorityClassName: high, nodeSelector: {pool: finance}}

`memory` is request and limit; `cpu` is a request, as a limit of it slows a run down and saves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes.utils import parse_quantity

from platform_assets.contracts.document import mapping_of
from platform_assets.contracts.problems import Findings, InvalidFile, Path_
from platform_assets.contracts.shapes import mapping, unknown_keys
from platform_assets.contracts.yaml_files import text_of, while_unchanged
from platform_assets.feeds import run_tags

_SCHEDULING = {
    "nodeSelector": "node_selector",
    "tolerations": "tolerations",
    "affinity": "affinity",
    "priorityClassName": "priority_class_name",
    "runtimeClassName": "runtime_class_name",
}
"""What a size or a team may say of a pod, and dagster-k8s's name of it."""
_KINDS: Mapping[str, type] = {
    "nodeSelector": dict, "tolerations": list, "affinity": dict, "priorityClassName": str, "runtimeClassName": str,
}  # fmt: skip


class SizesError(InvalidFile):
    """A file of sizes that cannot be used; the text has every mistake, each with file, line and key."""

    code = "sizes"


@dataclass(frozen=True)
class Size:
    """``limits`` and ``requests`` are those of the container, ``pod`` is of the pod's specification, in snake case."""

    name: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    pod: Mapping[str, Any] = field(default_factory=dict)
    ladder: bool = True

    @property
    def memory(self) -> str:
        """Such as 512Mi."""
        return self.limits["memory"]

    @property
    def bytes(self) -> int:
        """Its memory."""
        return int(parse_quantity(self.memory))


@dataclass(frozen=True)
class Sizes:
    """All sizes, the smallest first among those of the ladder; ``teams`` is what a pod has by its owner."""

    sizes: Mapping[str, Size]
    default: str
    teams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, names: Collection[str]) -> Size:
        """The largest of the sizes; that of the default where none is named. An unknown name counts as none."""
        found = [self.sizes[name] for name in names if name in self.sizes]
        return max(found, key=lambda size: (not size.ladder, size.bytes), default=self.sizes[self.default])

    def next(self, size: Size) -> Size | None:
        """The next one of the ladder; None after the largest, and for a size that is not of it."""
        larger = [each for each in self.sizes.values() if each.ladder and each.bytes > size.bytes]
        return min(larger, key=lambda each: each.bytes, default=None) if size.ladder else None

    def config(self, size: Size, owners: Sequence[str]) -> dict[str, Any]:
        """What a pod of the size, for assets of these owners, has: as `run_k8s_config` of dagster-k8s has it."""
        pod = dict(size.pod)
        for owner in owners:
            for key, value in self.teams.get(owner.removeprefix("team:"), {}).items():
                pod[key] = {**pod.get(key, {}), **value} if isinstance(value, dict) else value
        resources = {"requests": dict(size.requests), "limits": dict(size.limits)}
        labels = {run_tags.SIZE: size.name}
        return {
            "container_config": {"resources": resources},
            "pod_spec_config": pod,
            "pod_template_spec_metadata": {"labels": labels},
        }


def read_sizes(path: Path) -> Sizes:
    """The sizes of a file. Raises ``SizesError``, and FileNotFoundError where there is none."""
    found = _read(path)
    if found is None:
        raise FileNotFoundError(2, "the file of sizes that run_launcher.config.sizes names is not there", str(path))
    return found


@while_unchanged
def _read(path: Path) -> Sizes:
    findings = Findings(path, {})
    text = text_of(path, findings)
    sizes = None if text is None else _sizes(mapping_of(text, findings), findings)
    if sizes is None or findings.problems:
        raise SizesError(findings.problems)
    return sizes


def _sizes(document: Mapping[str, Any], findings: Findings) -> Sizes | None:
    unknown_keys(document, ("default", "sizes", "teams"), (), findings)
    listed = mapping(document.get("sizes", {}), ("sizes",), findings)
    sizes = {str(name): _size(str(name), value, findings) for name, value in listed.items()}
    if not sizes:
        findings.problem(("sizes",), "no size is listed: write one at least, such as small: {memory: 512Mi}")
        return None
    default = document.get("default", next(iter(sizes)))
    if default not in sizes:
        findings.problem(("default",), f"{default!r} is no size that is listed; there are {', '.join(sizes)}")
        return None
    teams = {}
    for team, value in mapping(document.get("teams", {}), ("teams",), findings).items():
        path: Path_ = ("teams", team)
        data = mapping(value, path, findings)
        unknown_keys(data, tuple(_SCHEDULING), path, findings)
        teams[str(team)] = _scheduling(data, path, findings)
    return Sizes(sizes, str(default), teams)


def _size(name: str, value: Any, findings: Findings) -> Size:
    path: Path_ = ("sizes", name)
    data = mapping(value, path, findings)
    unknown_keys(data, ("memory", "cpu", "limits", "ladder", *_SCHEDULING), path, findings)
    if "memory" not in data:
        findings.problem(path, "memory is missing, such as memory: 2Gi")
    memory = _quantity(data.get("memory", "1Gi"), (*path, "memory"), findings)
    more = {
        str(key): _quantity(amount, (*path, "limits", key), findings)
        for key, amount in mapping(data.get("limits", {}), (*path, "limits"), findings).items()
    }
    requests = {"memory": memory}
    if "cpu" in data:
        requests["cpu"] = _quantity(data["cpu"], (*path, "cpu"), findings)
    ladder = data.get("ladder", True)
    if not isinstance(ladder, bool):
        findings.problem((*path, "ladder"), f"{ladder!r} must be true or false")
    return Size(name, requests, {"memory": memory, **more}, _scheduling(data, path, findings), ladder is not False)


def _quantity(value: Any, path: Path_, findings: Findings) -> str:
    text = str(value)
    try:
        good = not isinstance(value, bool) and parse_quantity(text) > 0
    except ValueError:
        good = False
    if not good:
        findings.problem(path, f"{value!r} is no quantity of Kubernetes, such as 512Mi, 2Gi, 250m or 1")
    return text if good else "1Gi"


def _scheduling(data: Mapping[str, Any], path: Path_, findings: Findings) -> dict[str, Any]:
    found = {}
    for key, name in _SCHEDULING.items():
        if key in data:
            if not isinstance(data[key], _KINDS[key]):
                findings.problem((*path, key), f"{data[key]!r} must be a {_KINDS[key].__name__}, as in a pod")
            found[name] = data[key]
    return found
