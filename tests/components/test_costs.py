"""What a warehouse knows of costs is metadata of what a run published, and no reason for it to fail."""

from platform_assets.components.reporting.costs import with_costs
from platform_assets.components.reporting.outcomes import Outcome
from platform_assets.failures import Failure, Kind
from platform_assets.warehouse.errors import WarehouseError

NEW, SAME = Outcome("a", "v1", metadata={"seconds": 1.0}), Outcome("b", "v1", unchanged=True)
REJECTED = Outcome("c", failure=Failure(Kind.REJECTED, "c", "it has no rows"))


class Knowing:
    """Says what it is asked; raises ``error`` if there is one."""

    def __init__(self, error: WarehouseError | None = None) -> None:
        self.error, self.asked = error, 0

    def account(self, asset: str, run: str) -> dict[str, str | float]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {"query_tag": f"{asset} {run}"}


def test_what_this_run_published_has_them() -> None:
    new, same, rejected = with_costs([NEW, SAME, REJECTED], Knowing(), "raw/a", "r")  # type: ignore[arg-type]
    assert new.metadata == {"seconds": 1.0, "query_tag": "raw/a r"}
    assert (same, rejected) == (SAME, REJECTED)


def test_a_warehouse_is_asked_only_for_what_is_new_and_may_fail() -> None:
    knowing, failing = Knowing(), Knowing(WarehouseError("gone"))
    assert with_costs([SAME, REJECTED], knowing, "raw/a", "r") == [SAME, REJECTED]  # type: ignore[arg-type]
    assert knowing.asked == 0
    assert with_costs([NEW], failing, "raw/a", "r") == [NEW]  # type: ignore[arg-type]
    assert with_costs([NEW], object(), "raw/a", "r") == [NEW]  # type: ignore[arg-type]
