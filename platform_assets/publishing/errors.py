"""What publishing refuses, and why. The warehouse's own errors are in ``platform_assets.warehouse.errors``."""

from __future__ import annotations

from collections.abc import Sequence

from platform_assets.failures import Kind, PlatformError
from platform_assets.publishing.verdicts import Refusal


class PublishingError(PlatformError):
    """A partition could not be published or read; the message names asset and partition."""

    kind = Kind.MISCONFIGURED
    code = "publishing"


class NotPublished(PublishingError):
    """A reader asked for partitions that must not be read; ``refusals`` holds one entry for each."""

    kind = Kind.REJECTED
    code = "not_published"

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        shown = [str(refusal) for refusal in self.refusals[:10]]
        if len(self.refusals) > 10:
            shown.append(f"... and {len(self.refusals) - 10} partitions more")
        super().__init__(
            "\n".join(shown)
            + "\nPublish these partitions first; `platform-assets ledger show` lists the verdicts of an asset."
        )


class RuleUnusable(PublishingError):
    """A batch rule cannot be measured on any rows: what measures it is not there, or cannot be loaded."""

    code = "rule:unusable"


class ReferenceMissing(PublishingError):
    """A batch rule refers to an asset of which nothing was ever published; once it is, the rule can be measured."""

    kind = Kind.NOT_DELIVERED
    code = "rule:reference"


class NewerWarehouse(PublishingError):
    """The platform's tables were migrated by a newer version than this one, which must not write them."""

    code = "warehouse:newer"


class LeaseHeld(PublishingError):
    """Another writer kept its lease on a partition for longer than this one was willing to wait."""

    kind = Kind.INFRASTRUCTURE
    code = "lease:held"
    has_waited = True


class LeaseLost(PublishingError):
    """This writer's lease expired and another took the partition over: nothing of this writer was published."""

    kind = Kind.INFRASTRUCTURE
    code = "lease:lost"
