"""A model that fails as a whole is built without the partitions that bring it about, where these can be found out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.components.assets import dbt_building
from platform_assets.failpoints import armed
from tests.support.projects import Project, opened
from tests.support.shop import CONFIG, DAYS, deliver, good_rows, write_shop

READ = "from {{ ref('cleaned') }} where {{ in_partitions() }}"
CAST = CONFIG + f"select _partition, customer, sum(cast(status as integer))::bigint as amount\n{READ} group by all"
ASSETS = ("cleaned", "totals", "published/totals", "apart")


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Iterator[Project]:
    # the status of an order is a number, and of a bad one a word: SQL that casts it fails for the model as a whole
    models = "models: [{name: cleaned}, {name: totals}, {name: apart}]\n"
    write_shop(tmp_path / "shop", dbt={"models/totals.sql": CAST, "models/models.yml": models})
    with opened(tmp_path / "shop") as project:
        yield project


def rows(day: str, status: str) -> list[list[str]]:
    return [[number, customer, status, amount] for number, customer, _, amount in good_rows(day)]


def run(shop: Project, bad: set[str]) -> dg.ExecuteInProcessResult:
    deliver(shop, {day: rows(day, "open" if day in bad else "7") for day in DAYS})
    assert shop.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[-1]).success
    return shop.run("key:cleaned+ or key:apart", DAYS[0], DAYS[-1])


@pytest.mark.slow
@pytest.mark.parametrize("bad", [{DAYS[2]}, {DAYS[0], DAYS[4]}])
def test_the_partitions_at_fault_are_left_out_and_the_others_built(shop: Project, bad: set[str]) -> None:
    result = run(shop, bad)
    assert not result.success
    good = set(DAYS) - bad
    done = {key: shop.materialized(key) for key in ASSETS}
    assert done == {"cleaned": set(DAYS), "totals": good, "published/totals": good, "apart": set(DAYS)}
    published = shop.rows("SELECT _partition, count(*), sum(amount) FROM published.totals GROUP BY 1")
    assert sorted(published) == [(day, 3, 21) for day in sorted(good)]
    (failure,) = [e for e in result.all_events if e.is_step_failure and e.step_key == "totals_verdict"]
    table = failure.step_failure_data.user_failure_data.metadata["partitions"].value
    told = {record.data["partition"]: (record.data["kind"], record.data["code"]) for record in table.records}
    assert told == dict.fromkeys(bad, ("rejected", "dbt:run"))
    assert all("Conversion Error" in record.data["problem"] for record in table.records)
    # mended, the days come by themselves
    assert run(shop, set()).success
    assert shop.materialized("published/totals") == set(DAYS)


@pytest.mark.slow
def test_a_model_that_fails_for_no_row_blocks_all_without_a_search(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    real = dbt_building._run_one

    def counted(building: dbt_building.Building, model: str, keys: list[str]) -> str | None:
        calls.append(keys)
        return real(building, model, keys)

    monkeypatch.setattr(dbt_building, "_run_one", counted)
    (shop.root / "dbt/models/totals.sql").write_text(CONFIG + f"select _partition, no_such_column as amount\n{READ}")
    result = run(shop, set())
    assert not result.success
    assert calls == [[]], "once for no partition at all"
    assert shop.materialized("totals") == set()
    assert shop.materialized("apart") == set(DAYS)
    failures = [e for e in result.all_events if e.is_step_failure and e.step_key == "totals_verdict"]
    kinds = [f.step_failure_data.user_failure_data.metadata["kinds"].value for f in failures]
    assert kinds == [{"misconfigured": 5}]


@pytest.mark.slow
def test_a_search_that_does_not_end_blocks_what_is_left(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_building, "PIECES", 1)
    assert not run(shop, {DAYS[0]}).success
    assert shop.materialized("totals") == set(DAYS[2:]), "the second half was good, the first was not looked into"


@pytest.mark.parametrize(
    "point",
    [
        "publish.in_place.audited",
        "publish.in_place.opened",
        "publish.in_place.recorded",
    ],
)
@pytest.mark.slow
def test_an_error_that_nobody_thought_of_is_tried_again_once(shop: Project, point: str) -> None:
    reached: list[int] = []

    def fail() -> None:
        reached.append(1)
        if len(reached) == 1:
            raise RuntimeError("nobody thought of it")

    with armed(point, fail):
        assert run(shop, set()).success
    assert len(reached) == 2
    assert shop.materialized("published/totals") == set(DAYS)
