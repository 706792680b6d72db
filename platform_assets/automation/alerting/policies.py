"""The retry policies as alerts use them: the last ones without mistakes, while the present retries.yaml has some."""

from __future__ import annotations

from pathlib import Path

from platform_assets.alerts.routing.last_good import state_of
from platform_assets.alerts.store import Transaction
from platform_assets.contracts.problems import Findings
from platform_assets.contracts.yaml_files import text_of
from platform_assets.retries.policy import Policies
from platform_assets.retry_file import RetryFileError, policies_of


def policies_used(transaction: Transaction, path: Path) -> tuple[Policies, str]:
    """The policies of the file at ``path``, and "", or those that were good last, and the mistakes of the present ones.

    A code location with mistakes in the file does not load; this is for one that was loaded before.
    """
    name = state_of("retries file", path)
    kept: str = transaction.state(name) or ""
    findings = Findings(path, {})
    try:
        text = text_of(path, findings)
    except (FileNotFoundError, NotADirectoryError):
        text, policies = "", Policies()
    else:
        policies = policies_of(text, findings) if text is not None else Policies()
    if findings.problems:
        last = policies_of(kept, Findings(path, {})) if kept else Policies()
        return last, str(RetryFileError(findings.problems))
    if text != kept:
        transaction.keep_state(name, text)
    return policies, ""
