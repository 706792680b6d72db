"""A feed that cannot be loaded costs itself: in the code server, in `dg check`, and beside another of its name."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from platform_assets.cli.ingest_runs import IngestRefused, ingest_feed
from platform_assets.components.broken_feeds import GROUP, VALIDATION
from tests.support.projects import opened, write_project
from tests.support.shop import CONTRACT, DAYS, FEED, PARTITIONS

COLUMNS = "      - {name: id, logicalType: integer}\n"


def feed(name: str, *, domain: str = "sales", more: str = "", wrong: bool = False) -> dict[str, str]:
    """The files of a daily feed in the folder ``domain``/``name``."""
    text = CONTRACT.format(name=name, columns=COLUMNS).replace("domain: shop", f"domain: {domain}")
    return {
        f"{domain}/{name}/defs.yaml": FEED.format(files=f"{domain}_{name}/%Y-%m-%d.csv")
        + f"  partitions: {PARTITIONS}\n{more}",
        f"{domain}/{name}/contract.yaml": text.replace("integer", "intger") if wrong else text,
    }


def keys(definitions: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}


def test_a_bad_contract_costs_its_own_feed(tmp_path: Path) -> None:
    write_project(tmp_path, feed("orders") | feed("lines", wrong=True))
    with opened(tmp_path) as project:
        graph = project.definitions.resolve_asset_graph()
        assert {"lake/orders", "raw/orders", "lake/lines", "raw/lines"} <= keys(project.definitions)
        node = graph.get(dg.AssetKey(["raw", "lines"]))
        assert (node.group_name, node.is_executable) == (GROUP, False)
        assert "did you mean 'integer'?" in str(node.description)
        assert "sales/lines/contract.yaml:" in str(node.metadata["problems"].value)
        assert node.partitions_def is not None, "what was materialized before stays to be seen"
        (project.landing / "sales_orders").mkdir(parents=True)
        (project.landing / "sales_orders" / f"{DAYS[0]}.csv").write_text("id\n1\n")
        assert project.run("group:sales", DAYS[0]).success
        check = dg.define_asset_job("check", dg.AssetSelection.checks_for_assets(dg.AssetKey(["raw", "lines"])))
        job = dg.Definitions.merge(project.definitions, dg.Definitions(jobs=[check])).resolve_job_def("check")
        (found,) = job.execute_in_process(instance=project.instance).get_asset_check_evaluations()
        assert not found.passed
        assert "intger" in str(found.metadata["problems"].value)


def test_dg_check_fails_with_the_mistakes_of_every_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VALIDATION, "1")
    write_project(tmp_path, feed("orders") | feed("lines", wrong=True) | feed("stores", wrong=True))
    with opened(tmp_path) as project, pytest.raises(Exception) as raised:
        _ = project.definitions
    error: BaseException | None = raised.value
    while error is not None and "feeds cannot be loaded" not in str(error):
        error = error.__cause__
    assert "2 feeds cannot be loaded" in str(error)
    assert "sales/lines/contract.yaml:" in str(error)
    assert "sales/stores/contract.yaml:" in str(error)


def test_a_command_takes_a_good_feed_beside_a_broken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, feed("orders") | feed("lines", wrong=True))
    with opened(tmp_path) as project:
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
        monkeypatch.chdir(tmp_path)
        project.landing.mkdir(parents=True)
        assert ingest_feed("orders", None, force=False, say=lambda _: None) == []
        with pytest.raises(IngestRefused, match="that can be loaded"):
            ingest_feed("lines", None, force=False, say=lambda _: None)


def test_of_two_feeds_of_one_name_the_second_is_left_out(tmp_path: Path) -> None:
    write_project(tmp_path, feed("orders") | feed("orders", domain="stock"))
    with opened(tmp_path) as project:
        found = keys(project.definitions)
        assert {"raw/orders", "broken/stock/orders"} <= found
        node = project.definitions.resolve_asset_graph().get(dg.AssetKey(["broken", "stock", "orders"]))
        assert "already that of" in str(node.description)
        assert "domain_in_key: true" in str(node.description)


@pytest.mark.slow
def test_feeds_of_one_name_live_side_by_side_under_their_domains(tmp_path: Path) -> None:
    refers = "    relationships: [{from: orders.id, to: lines.id}]\n"
    files = feed("orders", more="  domain_in_key: true\n") | feed("lines", more="  domain_in_key: true\n")
    files |= feed("orders", domain="stock", more="  domain_in_key: true\n")
    files["sales/orders/contract.yaml"] = files["sales/orders/contract.yaml"].replace(
        "    properties:", refers + "    properties:"
    )
    write_project(tmp_path, files)
    with opened(tmp_path) as project:
        for name, number in (("sales_orders", 1), ("stock_orders", 2), ("sales_lines", 1)):
            (project.landing / name).mkdir(parents=True)
            (project.landing / name / f"{DAYS[0]}.csv").write_text(f"id\n{number}\n")
        assert project.run('key:"raw/sales/lines" or key:"lake/sales/lines"', DAYS[0]).success
        assert project.run('key:"*/orders" and not key:"landing*"', DAYS[0]).success
        assert project.rows("SELECT id FROM raw.sales__orders") == [(1,)]
        assert project.rows("SELECT id FROM raw.stock__orders") == [(2,)]
        assert project.materialized("raw/stock/orders") == {DAYS[0]}
        assert project.rows("SELECT asset FROM platform.ledger WHERE asset LIKE '%orders' ORDER BY 1") == [
            ("raw/sales/orders",),
            ("raw/stock/orders",),
        ]
        sensors = {sensor.name for sensor in project.definitions.get_repository_def().sensor_defs}
        assert {"sales__orders_arrivals", "stock__orders_arrivals"} <= sensors


def test_a_deployment_may_have_the_domain_in_all_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_DOMAIN_IN_KEYS", "true")
    write_project(tmp_path, feed("orders") | feed("lines", more="  domain_in_key: false\n"))
    with opened(tmp_path) as project:
        assert {"raw/sales/orders", "raw/lines"} <= keys(project.definitions)
