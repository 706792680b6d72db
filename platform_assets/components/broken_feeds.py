"""A feed that cannot be loaded: it costs itself, and not the code location that it stands in.

A code server shows such a feed as assets that say what is wrong and can do nothing. `dg check defs` and `dagster
definitions validate` fail with the mistakes of all feeds at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from weakref import WeakKeyDictionary

import dagster as dg

from platform_assets._compat import state_of
from platform_assets.components.asset_specs import DEFAULT_OWNER
from platform_assets.contracts.problems import ContractError
from platform_assets.failures import Kind, PlatformError
from platform_assets.logs import logger

log = logger(__name__)

VALIDATION = "DAGSTER_IS_DEFS_VALIDATION_CLI"
"""The variable that Dagster sets while it validates definitions."""
GROUP = "broken_feeds"
KIND = "broken"
TAG = "platform/broken"
CHECK = "loads"

_names: WeakKeyDictionary[object, dict[tuple[str, ...], str]] = WeakKeyDictionary()


class BrokenFeeds(PlatformError, ValueError):
    """Feeds that cannot be loaded; the message has every mistake of each."""

    kind = Kind.MISCONFIGURED
    code = "feeds"


def is_validation() -> bool:
    """Whether this process only looks at definitions, and has to fail for a mistake in one of them."""
    return bool(os.environ.get(VALIDATION))


def claim(tree: dg.ComponentTree, path: tuple[str, ...], place: str) -> str | None:
    """Say that the feed at ``place`` has the key ``path``; gives the place of another feed that has it already."""
    taken = _names.setdefault(state_of(tree), {}).setdefault(path, place)
    return None if taken == place else taken


def refused(mistakes: Mapping[str, Exception]) -> BrokenFeeds:
    """All mistakes in one error, by the place of their feeds."""
    count = f"{len(mistakes)} feeds cannot be loaded" if len(mistakes) > 1 else "a feed cannot be loaded"
    return BrokenFeeds("\n".join([f"{count}:", *map(str, mistakes.values())]))


def mistakes_of(feeds: Iterable[tuple[str, Callable[[], object]]]) -> dict[str, Exception]:
    """What each of the feeds, made by its function, cannot be loaded for, by its place."""
    found: dict[str, Exception] = {}
    for place, make in feeds:
        try:
            make()
        except (ContractError, ValueError) as error:
            found[place] = error
    return found


def broken_feed(
    path: tuple[str, ...], error: Exception, *, partitions: dg.PartitionsDefinition | None, free: bool = True
) -> dg.Definitions:
    """Assets in place of the feed's own; without ``free`` its keys are another feed's, and one of another kind says it.

    The check `loads` fails with the mistakes. The assets can be materialized by nobody.
    """
    log.error(f"the feed {'/'.join(path)} is left out: {error}")
    lines = str(error).splitlines()
    problems = "\n".join(f"- `{line}`" for line in lines)
    description = (
        f"**This feed is left out, as it cannot be loaded.** Nothing of it runs until that is mended.\n\n{problems}"
    )
    specs = [
        dg.AssetSpec(
            dg.AssetKey([layer, *path]),
            deps=[dg.AssetKey([before, *path])] if before else [],
            description=description,
            group_name=GROUP,
            owners=[DEFAULT_OWNER],
            kinds={KIND},
            tags={TAG: ""},
            partitions_def=partitions,
            metadata={"problems": dg.MetadataValue.md(problems)},
        )
        for layer, before in ((("landing", None), ("lake", "landing"), ("raw", "lake")) if free else ((KIND, None),))
    ]

    @dg.asset_check(
        asset=specs[-1].key, name=CHECK, blocking=False, description="The feed's contract and defs.yaml can be loaded."
    )
    def loads() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=False, description=lines[0] if lines else None, metadata={"problems": dg.MetadataValue.md(problems)}
        )

    return dg.Definitions(assets=specs, asset_checks=[loads])
