"""Secrets that somebody wrote into the alerts file: found, refused and never repeated."""

from __future__ import annotations

import re
from typing import Any

from platform_assets.contracts.problems import Findings, Path_

WITHHELD = "(withheld)"
"""What stands in the place of a secret in what is read further."""

_SECRETS = (
    (re.compile(r"\bx(ox[a-z]|app)-[\w.-]{4,}", re.IGNORECASE), "a token of Slack"),
    (re.compile(r"(?<![0-9a-z])[0-9a-f]{32,}(?![0-9a-z])", re.IGNORECASE), "a key"),
    (re.compile(r"(?<![0-9a-z])(?=[a-z]*\d)[0-9a-z]{32,}(?![0-9a-z])", re.IGNORECASE), "a key"),
    (re.compile(r"\w://[^\s/?#]*@"), "a URL with a password"),
    (re.compile(r"://hooks\.slack\.com/|://[^/\s]*webhook", re.IGNORECASE), "the URL of a webhook, which is a secret"),
    (re.compile(r"(?<![\w+])(?!https?:)[a-z][a-z0-9+.-]*://", re.IGNORECASE), "the URL of a service, with its secret"),
)


def without_secrets(data: Any, findings: Findings, path: Path_ = ()) -> Any:
    """``data`` with each text that looks like a secret withheld, and a problem for each of them."""
    if isinstance(data, dict):
        kept: dict[str, Any] = {}
        for key, value in data.items():
            if looks_like := _secret(key):
                _refuse(path, looks_like, findings)
            else:
                kept[key] = without_secrets(value, findings, (*path, key))
        return kept
    if isinstance(data, list):
        return [without_secrets(item, findings, (*path, index)) for index, item in enumerate(data)]
    if isinstance(data, str) and (looks_like := _secret(data)):
        _refuse(path, looks_like, findings)
        return WITHHELD
    return data


def _secret(text: str) -> str:
    return next((name for pattern, name in _SECRETS if pattern.search(text)), "")


def _refuse(path: Path_, looks_like: str, findings: Findings) -> None:
    findings.problem(
        path,
        f"looks like {looks_like}: replace it where it was made, as it was in a file; put the new one into an "
        "environment variable, and name that variable here",
    )
