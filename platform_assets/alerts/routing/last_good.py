"""The alerts file as it is used now: the last one without mistakes goes on while the present one has some."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from platform_assets.alerts.routing.alerts_file import AlertsError, alerts_of, text_of_alerts
from platform_assets.alerts.routing.conditions import Resolve
from platform_assets.alerts.routing.model import Alerts
from platform_assets.alerts.store import Transaction


@dataclass(frozen=True)
class Used:
    """What is used of an alerts file, and the mistakes that the present one has, or nothing."""

    alerts: Alerts
    problem: str = ""


def alerts_used(transaction: Transaction, path: Path, *, resolve: Resolve, knows_assets: bool = True) -> Used:
    """The alerts file at ``path``, and its text kept for later; with mistakes the text that was kept last.

    Where there never was one without mistakes, or is no file, everything goes to the console. Whoever does not know
    the assets finds fewer mistakes, and keeps a text of its own.
    """
    name = state_of("alerts file" if knows_assets else "alerts file without assets", path)
    kept: str = transaction.state(name) or ""
    last: str = kept or transaction.state(state_of("alerts file", path)) or ""
    text, problem = None, ""
    try:
        text = text_of_alerts(path)
        alerts = Alerts() if text is None else alerts_of(text, path, resolve=resolve)
    except AlertsError as error:
        alerts, problem = _last(last, path, resolve), str(error)
    if not problem and (text or "") != kept:
        transaction.keep_state(name, text or "")
    if knows_assets and alerts.path is None and not transaction.state(state_of("alerts unrouted", path)):
        transaction.keep_state(state_of("alerts unrouted", path), True)
    return Used(alerts, problem)


def was_unrouted(transaction: Transaction, path: Path) -> bool:
    """Whether incidents went to the console because there was no file to route them by; it is asked once."""
    name = state_of("alerts unrouted", path)
    found = bool(transaction.state(name))
    transaction.drop_state(name)
    return found


def state_of(word: str, path: Path) -> str:
    """The name of the state that is kept for a file of a project, whatever else this store is for."""
    return f"{word} {hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"


def _last(text: str, path: Path, resolve: Resolve) -> Alerts:
    """What was good once. A selection may select nothing any more: then no asset fits it."""
    if not text:
        return Alerts()

    def lenient(selection: str) -> list[str]:
        try:
            return [*resolve(selection)] or [selection]
        except ValueError:
            return [selection]

    try:
        return alerts_of(text, path, resolve=lenient)
    except AlertsError:
        # another version of the platform has taken it
        return Alerts()
