"""Names and patterns of `alerts.yaml` and `retries.yaml` that fit no asset: each is a warning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from platform_assets.alerts.lineage import Lineage
from platform_assets.alerts.routing.model import Alerts
from platform_assets.contracts.problems import suggestion
from platform_assets.doctor.findings import Finding, good, warning
from platform_assets.limits.limits_file import read_limits
from platform_assets.retry_file import read_policies
from platform_assets.wording import counted


def look_at_routes(alerts: Alerts, lineage: Lineage) -> Iterator[Finding]:
    """Whether the owners and tags of each route are those of some asset. A selection that selects none is refused."""
    owners = {owner for about in lineage.about.values() for owner in about.owners}
    tags = {item for about in lineage.about.values() for item in about.tags.items()}
    for place, route in enumerate(alerts.routes):
        key = f"alerts.yaml: routes[{place}].when"
        for owner in sorted(route.when.owners - owners):
            yield warning(
                f"{key}.owner: {owner!r} owns no asset{suggestion(owner, owners)}",
                "correct it, or name the owner in a contract or at an asset",
            )
        for name, value in sorted(route.when.tags.items() - tags):
            yield warning(f"{key}.tags: no asset has {name}: {value}", "correct it, or tag an asset so")


def look_at_retries(file: Path, assets: Iterable[str]) -> Iterator[Finding]:
    """Whether `retries.yaml` can be read, and each of its patterns fits one of ``assets``. Raises InvalidFile."""
    names = sorted(assets)
    patterns = {
        "assets": [pattern for pattern, _ in read_policies(file).by_pattern],
        "limits.assets": [pattern for pattern, _ in read_limits(file).by_pattern],
    }
    for section, of in patterns.items():
        for pattern in of:
            if not any(fnmatchcase(name, pattern) for name in names):
                yield warning(
                    f"{file.name}: {section}: {pattern!r} fits no asset{suggestion(pattern, names)}",
                    "correct it: a pattern is the name of an asset, in which * stands for anything",
                )
    yield good(f"{counted(sum(map(len, patterns.values())), 'pattern')} in {file.name}")
