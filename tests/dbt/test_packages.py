"""Packages of a dbt project: installed when they are missing or others are named, and built like the project's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from platform_assets.dbt.packages import Packages, PackagesNotInstalled
from platform_assets.dbt.project import DbtProjectFiles
from tests.support.projects import Project, opened
from tests.support.shop import CONFIG, DAYS, deliver, write_dbt, write_shop

NAMED = "packages:\n  - local: ../../kit\n"
KIT = {
    "dbt_project.yml": "name: kit\nversion: '1.0.0'\nseeds: {kit: {+column_types: {code: varchar}}}\n",
    "macros/doubled.sql": "{% macro doubled(column) %}({{ column }} * 2){% endmacro %}\n",
    "macros/test_is_even.sql": "{% test is_even(model, column_name) %}\n"
    "select * from {{ model }} where {{ column_name }} % 2 <> 0\n{% endtest %}\n",
    "seeds/codes.csv": "code,label\no,open\np,paid\n",
    "models/unwanted.sql": "select this is no SQL",
    "models/by_status.sql": CONFIG + "select _partition, status, sum({{ kit.doubled('amount') }})::bigint as amount\n"
    "from {{ source('raw', 'orders') }} where {{ in_partitions() }} group by all",
    "models/kit.yml": "models:\n  - name: by_status\n    columns: [{name: amount, data_tests: [is_even]}]\n",
}
PROJECT = "name: shop\nprofile: shop\nmodels: {kit: {unwanted: {+enabled: false}}}\n"


def write_kit(root: Path) -> None:
    for path, text in KIT.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    write_shop(root)
    write_kit(tmp_path / "kit")
    write_dbt(root, {"dbt_project.yml": PROJECT, "packages.yml": NAMED})
    return root


@pytest.fixture(name="shop")
def _shop(root: Path) -> Iterator[Project]:
    with opened(root) as project:
        yield project


def nodes(root: Path) -> set[str]:
    parsed = DbtProjectFiles(root / "dbt", root / "dbt").parsed()
    return {name for name in parsed.manifest()["nodes"] if ".kit." in name and not name.startswith("test.")}


def test_they_are_installed_once_and_again_when_others_are_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[Packages] = []
    run_deps = Packages._run_deps

    def counted(self: Packages, environment: Mapping[str, str]) -> None:
        installed.append(self)
        run_deps(self, environment)

    monkeypatch.setattr(Packages, "_run_deps", counted)
    assert nodes(root) == {"model.kit.by_status", "seed.kit.codes"}
    (root / "dbt/models/apart.sql").write_text(CONFIG + "select 1 as one, '' as _partition")
    assert nodes(root) == {"model.kit.by_status", "seed.kit.codes"}
    assert len(installed) == 1
    write_kit(root.parent / "other")
    (root.parent / "other/models/more.sql").write_text("select 1 as one")
    (root / "dbt/packages.yml").write_text(NAMED.replace("kit", "other"))
    assert nodes(root) == {"model.kit.by_status", "model.kit.more", "seed.kit.codes"}
    assert len(installed) == 2


@pytest.mark.slow
def test_a_change_of_a_local_package_is_seen(root: Path) -> None:
    before = nodes(root)
    (root.parent / "kit/models/more.sql").write_text("select 1 as one")
    assert nodes(root) - before == {"model.kit.more"}


def test_what_was_installed_by_hand_is_taken_and_what_was_left_half_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes(root)
    (root / "dbt/dbt_packages/.platform-assets").unlink()
    (root / "dbt/models/apart.sql").write_text(CONFIG + "select 1 as one, '' as _partition")

    def refused(_: Packages, environment: Mapping[str, str]) -> None:
        raise PackagesNotInstalled(f"asked for with {len(environment)} variables")

    monkeypatch.setattr(Packages, "_run_deps", refused)
    nodes(root)
    (root / "dbt/target/platform_assets/packages.installing").touch()
    (root / "dbt/models/apart.sql").write_text(CONFIG + "select 2 as one, '' as _partition")
    with pytest.raises(PackagesNotInstalled, match="asked for"):
        nodes(root)


@pytest.mark.slow
def test_what_cannot_be_installed_says_what_dbt_says(root: Path) -> None:
    (root / "dbt/packages.yml").write_text("packages:\n  - local: ../../nowhere\n")
    with pytest.raises(PackagesNotInstalled, match=r"`dbt deps` failed.*nowhere"):
        nodes(root)


@pytest.mark.slow
def test_their_models_are_built_and_tested_by_partition(shop: Project) -> None:
    deliver(shop)
    assert shop.run("group:shop or key:raw/orders", DAYS[0], DAYS[-1]).success
    with shop.warehouse.session(read_only=True) as session:
        rows = session.execute("SELECT count(*), sum(amount) FROM main.by_status")
    assert rows == [(len(DAYS), sum(2 * (10 + 11 + 12) for _ in DAYS))]
