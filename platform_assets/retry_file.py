"""The file `retries.yaml`: what a project changes of the retry policy, for all of its assets or for some.

    infrastructure:
      in_run: {attempts: 5, first_seconds: 2}
    breaker: {failures: 10}
    assets:
      raw/orders*:
        timeout:
          automation: {attempts: 3}

It lies in the defs folder of the project, and need not be there. All mistakes are told at once, with file, line and
key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from platform_assets.contracts.document import mapping_of
from platform_assets.contracts.problems import Findings, InvalidFile, Path_
from platform_assets.contracts.shapes import mapping, unknown_keys
from platform_assets.contracts.yaml_files import text_of, while_unchanged
from platform_assets.failures import Kind
from platform_assets.retries.policy import DEFAULT, LAYERS, Backoff, Layer, Policies, Policy

FILE = "retries.yaml"
BREAKER = {"failures": (0, 1000)}
PROBES = {"count": (0, 1000), "seconds": (60, 604_800)}
BOUNDS: Mapping[str, tuple[float, float]] = {
    "attempts": (1, 20),
    "first_seconds": (0, 86_400),
    "factor": (1, 100),
    "cap_seconds": (0, 604_800),
    "jitter": (0, 1),
}
"""The least and the most of each value, both allowed."""
WHOLE = ("attempts", "failures", "count")
RETRIED = tuple(kind.value for kind in LAYERS)
OF_ASSET = (*RETRIED, "breaker", "probes")
TOP = (*OF_ASSET, "assets", "limits")
"""The section `limits` is read by `platform_assets.limits.limits_file`."""


class RetryFileError(InvalidFile):
    """A `retries.yaml` that cannot be used; the text has every mistake, each with file, line and key."""

    code = "retries"


def read_policies(path: Path | None) -> Policies:
    """The policies of the file at ``path``, the defaults where there is no file. Raises ``RetryFileError``."""
    return _read(path) or Policies()


@while_unchanged
def _read(path: Path) -> Policies:
    findings = Findings(path, {})
    text = text_of(path, findings)
    policies = Policies() if text is None else policies_of(text, findings)
    if findings.problems:
        raise RetryFileError(findings.problems)
    return policies


def policies_of(text: str, findings: Findings) -> Policies:
    """The policies that a YAML text says; every mistake of it is added to ``findings``."""
    data = mapping_of(text, findings)
    _unknown(data, TOP, (), findings)
    default = _policy(data, DEFAULT, (), findings)
    assets = mapping(data.get("assets", {}), ("assets",), findings)
    by_pattern = []
    for pattern, value in assets.items():
        path: Path_ = ("assets", pattern)
        given = mapping(value, path, findings)
        _unknown(given, OF_ASSET, path, findings)
        by_pattern.append((pattern, _policy(given, default, path, findings)))
    return Policies(default, tuple(by_pattern))


def _policy(data: Mapping[str, Any], base: Policy, path: Path_, findings: Findings) -> Policy:
    backoffs = dict(base.backoffs)
    for kind, layers in LAYERS.items():
        here = (*path, kind.value)
        given = mapping(data.get(kind.value, {}), here, findings)
        _unknown(given, [layer.value for layer in layers], here, findings)
        for layer in layers:
            if layer.value in given:
                inner = (*here, layer.value)
                found = _numbers(given[layer.value], BOUNDS, inner, findings)
                backoffs[kind, layer] = _backoff(base.backoff(kind, layer), found, inner, findings)
    breaker = _numbers(data.get("breaker", {}), BREAKER, (*path, "breaker"), findings)
    probes = _numbers(data.get("probes", {}), PROBES, (*path, "probes"), findings)
    return replace(
        base,
        backoffs=backoffs,
        failures=int(breaker.get("failures", base.failures)),
        probes=int(probes.get("count", base.probes)),
        probe_seconds=float(probes.get("seconds", base.probe_seconds)),
    )


def _backoff(base: Backoff, found: Mapping[str, float], path: Path_, findings: Findings) -> Backoff:
    values: dict[str, Any] = {field.name: found.get(field.name, getattr(base, field.name)) for field in fields(base)}
    backoff = Backoff(**values)
    if backoff.attempts > 1 and backoff.cap_seconds < backoff.first_seconds:
        key = "cap_seconds" if "cap_seconds" in found else "first_seconds"
        findings.problem(
            (*path, key), f"cap_seconds ({backoff.cap_seconds:g}) is below first_seconds ({backoff.first_seconds:g})"
        )
    return backoff


def _numbers(
    value: Any, bounds: Mapping[str, tuple[float, float]], path: Path_, findings: Findings
) -> dict[str, float]:
    data = mapping(value, path, findings)
    _unknown(data, tuple(bounds), path, findings)
    found: dict[str, float] = {}
    for name, (least, most) in bounds.items():
        if name not in data:
            continue
        number = data[name]
        kinds = (int,) if name in WHOLE else (int, float)
        if isinstance(number, bool) or not isinstance(number, kinds) or not least <= number <= most:
            sort = "a whole number" if name in WHOLE else "a number"
            findings.problem((*path, name), f"{number!r} must be {sort} from {least:g} to {most:,g}")
        else:
            found[name] = number
    return found


def _unknown(data: Mapping[str, Any], known: Collection[str], path: Path_, findings: Findings) -> None:
    for key in data:
        if key in known:
            continue
        if key in set(Kind) and key not in RETRIED:
            findings.problem((*path, key), f"no retry mends this kind; those that are retried: {_listed(RETRIED)}")
        elif key in set(Layer):
            findings.problem((*path, key), f"{path[-1]} is not retried by this layer; it is by {_listed(known)}")
        else:
            unknown_keys({key: None}, known, path, findings)


def _listed(words: Collection[str]) -> str:
    return ", ".join(words)
