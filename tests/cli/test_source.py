"""`platform-assets source add`: from samples to a feed that loads, or nothing at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml
from click.testing import CliRunner, Result

from platform_assets.cli.main import main
from platform_assets.components.file_feed import FileFeed
from platform_assets.feeds.feed import Feed
from tests.support.projects import Project, opened, write_project
from tests.support.shop import DEFS

CSV = "id;amount;email\n" + "".join(f"{n};{n},50;a{n}@example.org\n" for n in range(1, 60))


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    write_project(tmp_path / "shop", {})
    with opened(tmp_path / "shop") as project:
        monkeypatch.chdir(tmp_path / "shop")
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        yield project


def add(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["source", "add", *map(str, words)])


def sample(folder: Path, name: str, text: str = CSV) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def defs(project: Project, name: str) -> Path:
    return project.root / "somebody" / "defs" / name


def feed_of(project: Project, name: str) -> Feed:
    tree = dg.ComponentTree.for_project(project.root)
    components = {component.folder: component for component in tree.get_all_components(of_type=FileFeed)}
    return components[defs(project, name)].feed(defs(project, name))


def test_a_sample_outside_becomes_a_feed_and_is_to_be_copied(project: Project, tmp_path: Path) -> None:
    path = sample(tmp_path / "my files", "orders_2024-01-05.csv")
    done = add(path, "--name", "sales/orders")
    assert done.exit_code == 0, done.output
    assert "59 of 59 rows would be published, 0 quarantined" in done.output
    assert "looks personal" in done.output
    assert f"mkdir -p data/landing/orders && cp '{path}' data/landing/orders/" in done.output
    assert "platform-assets run +raw/orders --partition 2024-01-05" in done.output
    words = yaml.safe_load((defs(project, "sales/orders") / "defs.yaml").read_text())
    assert words["attributes"] == {
        "files": "orders/orders_%Y-%m-%d.csv",
        "partitions": {"type": "daily", "start_date": "2024-01-05", "timezone": "UTC"},
    }
    copy = next(line for line in done.output.splitlines() if "mkdir" in line)
    subprocess.run(["bash", "-c", copy], check=True, cwd=project.root)
    feed = feed_of(project, "sales/orders")
    assert (feed.contract.domain, feed.contract.name) == ("sales", "orders")
    assert list(feed.landing(str(project.landing)).deliveries(now_ns=2**62).deliveries) == ["2024-01-05"]


def test_a_sample_in_the_landing_folder_stays_where_it_is(project: Project) -> None:
    sample(project.landing / "in" / "2024" / "01" / "05", "orders.csv")
    done = add("data/landing/in/2024/01/05/orders.csv")
    assert done.exit_code == 0, done.output
    assert "Copy" not in done.output
    assert feed_of(project, "orders").pattern.pattern == "in/%Y/%m/%d/orders.csv"


def test_json_and_parquet_and_several_samples(project: Project, tmp_path: Path) -> None:
    line = json.dumps({"id": 1, "user": {"email": "x"}, "items": [{"sku": "a", "price": 1.5}]})
    sample(project.landing, "events_20240105.jsonl", f"{line}\n" * 3)
    sample(project.landing, "events_20240107.jsonl", f"{line}\n" * 2)
    duckdb.sql("SELECT range AS product_id, 1.25 AS price FROM range(9)").write_parquet(
        str(tmp_path / "products.parquet")
    )
    done = add("data/landing/events_20240105.jsonl", "data/landing/events_20240107.jsonl")
    assert done.exit_code == 0, done.output
    assert "run +raw/events --from 2024-01-05 --to 2024-01-07" in done.output
    assert done.output.count("tried:") == 2
    done = add(tmp_path / "products.parquet", "--name", "products")
    assert done.exit_code == 0, done.output
    assert "partitions: none" in done.output
    assert {feed_of(project, name).pattern.pattern for name in ("events", "products")} == {
        "events_%Y%m%d.jsonl", "products/products.parquet",
    }  # fmt: skip


def test_folders_of_a_date_are_kept_outside_of_the_landing_folder_too(project: Project, tmp_path: Path) -> None:
    path = sample(tmp_path / "orders" / "2024" / "01" / "05", "part-0001.csv")
    done = add(path)
    assert done.exit_code == 0, done.output
    assert "mkdir -p data/landing/orders/2024/01/05 && cp " in done.output
    assert feed_of(project, "orders").pattern.pattern == "orders/%Y/%m/%d/part-*.csv"


def test_a_name_with_a_date_is_no_part_of_the_pattern(project: Project, tmp_path: Path) -> None:
    done = add(sample(tmp_path, "orders_2024-01-05.csv"), "--name", "orders_2023")
    assert done.exit_code == 0, done.output
    assert feed_of(project, "orders_2023").pattern.pattern == "orders_2023/orders_%Y-%m-%d.csv"


def test_a_link_is_copied_under_its_own_name_and_refused_where_no_feed_follows_it(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "latest.csv").symlink_to(sample(tmp_path, "orders_v7.csv"))
    done = add(tmp_path / "latest.csv", "--name", "orders")
    assert done.exit_code == 0, done.output
    assert feed_of(project, "orders").pattern.pattern == "orders/latest.csv"
    project.landing.mkdir(parents=True)
    (project.landing / "latest.csv").symlink_to(tmp_path / "orders_v7.csv")
    done = add("data/landing/latest.csv", "--name", "more")
    assert (done.exit_code, "is a link in the landing folder" in done.output) == (1, True)
    done = add(tmp_path / "latest.csv", sample(project.landing, "orders_v8.csv"), "--name", "more")
    assert (done.exit_code, "copy the others there first" in done.output) == (1, True)


def test_a_landing_place_that_is_a_url_is_delivered_to(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORM_LANDING", "s3://bucket/landing")
    path = sample(tmp_path, "orders_2024-01-05.csv")
    done = add(path)
    assert done.exit_code == 0, done.output
    assert f"{path} as orders/orders_2024-01-05.csv" in done.output
    assert "mkdir" not in done.output


def test_static_keys_where_they_are_evident(project: Project) -> None:
    for region in ("north", "south"):
        sample(project.landing / "regions", f"{region}.csv")
    done = add("data/landing/regions/north.csv", "data/landing/regions/south.csv", "--name", "regions")
    assert done.exit_code == 0, done.output
    assert feed_of(project, "regions").partitions is not None
    assert "--from north --to south" in done.output


def test_a_day_that_is_not_over_is_named(project: Project, tmp_path: Path) -> None:
    done = add(sample(tmp_path, "orders_2099-01-05.csv"))
    assert done.exit_code == 0, done.output
    assert "2099-01-05 is not over yet" in done.output


def test_what_would_be_quarantined_is_told_with_its_rule_and_without_its_value(
    project: Project, tmp_path: Path
) -> None:
    rows = "".join(f"{n};{n if n != 50 else 'secret'}\n" for n in range(1, 101))
    done = add(sample(tmp_path, "orders.csv", "id;amount\n" + rows))
    assert done.exit_code == 0, done.output
    assert "99 of 100 rows would be published, 1 quarantined (type:amount 1)" in done.output
    assert "secret" not in done.output
    text = (defs(project, "orders") / "contract.yaml").read_text()
    assert "# of 100 rows of the sample 1 value is of another type: quarantined as type:amount" in text


def test_nothing_is_written_over(project: Project, tmp_path: Path) -> None:
    path = sample(tmp_path, "orders.csv")
    assert add(path).exit_code == 0
    before = {file: file.read_bytes() for file in defs(project, "orders").iterdir()}
    for words in ((path,), (path, "--name", "orders"), (path, "--name", "other/orders")):
        done = add(*words)
        assert done.exit_code == 1
        assert "choose another --name" in done.output
    assert {file: file.read_bytes() for file in defs(project, "orders").iterdir()} == before
    assert not defs(project, "other").exists()


@pytest.mark.parametrize(
    ("name", "text", "words", "message"),
    [
        ("orders.csv", "", (), "is empty"),
        ("orders.csv", "id;id\n1;2\n", (), "'id' is there more than once"),
        ("2024-01-05.csv.part", CSV, (), "named like a draft"),
        ("orders.csv", CSV, ("--name", "../orders"), "--name '../orders'"),
        ("orders.csv", CSV, ("--name", "platform"), "is there already"),
        ("orders.csv", CSV, ("/nowhere/orders_2.csv",), "/nowhere/orders_2.csv: there is no such file"),
    ],
)
def test_what_cannot_be_added_is_one_line_and_leaves_nothing(
    project: Project, tmp_path: Path, name: str, text: str, words: tuple[str, ...], message: str
) -> None:
    before = sorted(project.root.rglob("*"))
    done = add(sample(tmp_path / "files", name, text), *words)
    assert done.exit_code == 1
    assert (message in done.output, done.output.count("\n")) == (True, 1), done.output
    assert sorted(project.root.rglob("*")) == before


def test_outside_of_a_project_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = add(sample(tmp_path, "orders.csv"))
    assert (done.exit_code, "lies in no dg project" in done.output) == (2, True)


KILLED = """\
import sys
from platform_assets.failpoints import arm_from_environment
from platform_assets.cli.main import main
arm_from_environment()
main(sys.argv[1:])
"""


def test_a_process_that_is_killed_before_the_rename_leaves_no_feed(project: Project, tmp_path: Path) -> None:
    path = sample(tmp_path, "orders.csv")
    command = [sys.executable, "-W", "ignore", "-c", KILLED, "source", "add", str(path)]
    environment = {**os.environ, "PLATFORM_FAILPOINTS": "source.before_rename=kill"}
    killed = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, check=False)
    assert killed.returncode == -9
    assert not defs(project, "orders").exists()
    assert project.definitions.resolve_asset_graph().get_all_asset_keys() == set(), "what is left of it is not loaded"
    done = add(path)
    assert done.exit_code == 0, done.output
    assert feed_of(project, "orders").name == "orders"


def test_a_feed_of_another_folder_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path / "shop", {f"old/{path}": text for path, text in DEFS.items() if path.startswith("orders/")})
    monkeypatch.chdir(tmp_path / "shop")
    done = add(sample(tmp_path, "orders.csv"))
    assert (done.exit_code, "has a feed 'orders' already" in done.output) == (1, True)
