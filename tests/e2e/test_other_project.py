"""The wheel in somebody else's dg project, through the commands that they would use."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.support.own_project import PAGE, commands, environment, write_created
from tests.support.projects import quick_instance
from tests.support.shop import CUSTOMERS, DAYS, good_rows, write_shop

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass
class Installed:
    """A project in ``root`` and the folder that the wheel was installed into, which stands before this checkout."""

    root: Path
    packages: Path

    def call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "PLATFORM", "DBT", "PYTHON"))}
        home = self.root / "dagster"
        environment = {**kept, "PYTHONPATH": str(self.packages), "DAGSTER_HOME": str(home), "COLUMNS": "200"}
        command = [str(Path(sys.executable).with_name(program)), *arguments]
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False, timeout=600
        )

    def good(self, program: str, *arguments: str) -> str:
        result = self.call(program, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


@pytest.fixture(name="packages", scope="module")
def _packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT)]
    subprocess.run(built, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    into = folder / "packages"
    installed = [*pip, "install", "--no-deps", "--no-index", "--target", str(into), str(wheel)]
    subprocess.run(installed, check=True, capture_output=True, text=True)
    return into


@pytest.fixture(name="shop")
def _shop(packages: Path, tmp_path: Path) -> Installed:
    shop = Installed(tmp_path / "shop", packages)
    write_shop(shop.root, macros=False)
    (shop.root / "dagster").mkdir()
    (shop.root / "dagster" / "dagster.yaml").write_text(json.dumps(quick_instance(shop.root)))
    shop.good("python", "-m", "platform_assets.cli.main", "dbt", "macros", "--into", "dbt/macros")
    landing = shop.root / "data" / "landing"
    (landing / "orders").mkdir(parents=True)
    (landing / "customers.csv").write_text("customer\n" + "\n".join(CUSTOMERS) + "\n")
    for day in DAYS:
        rows = "".join(",".join(row) + "\n" for row in good_rows(day))
        (landing / "orders" / f"{day}.csv").write_text("id,customer,status,amount\n" + rows)
    return shop


def test_the_wheel_has_the_components_and_the_macros_and_not_the_example(packages: Path) -> None:
    names = {str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()}
    assert "platform_assets/dbt/macros/in_partitions.sql" in names
    assert "platform_assets/warehouse/duckdb/warehouse.py" in names
    assert not [name for name in names if "flights" in name]


def test_the_components_serve_in_a_project_that_has_only_the_wheel(shop: Installed) -> None:
    where = shop.good("python", "-c", "import platform_assets; print(platform_assets.__file__)").strip()
    assert Path(where).is_relative_to(shop.packages), "the wheel is tested, not the checkout"
    components = {entry["key"] for entry in json.loads(shop.good("dg", "list", "components", "--json"))["items"]}
    ours = {"FileFeed", "DbtModels", "PublishedTable", "PlatformResources"}
    assert {f"platform_assets.{name}" for name in ours} <= components
    shop.good("dg", "scaffold", "defs", "platform_assets.FileFeed", "refunds")
    shop.good("dg", "scaffold", "defs", "platform_assets.PublishedTable", "shop/refunds", "--source", "raw/refunds")
    shop.good("dg", "check", "defs")
    listed = json.loads(shop.good("dg", "list", "defs", "--json"))
    assets = {entry["asset_key"] for entry in listed["assets"]}
    assert {
        "lake/orders",
        "raw/orders",
        "totals",
        "published/totals",
        "lake/refunds",
        "raw/refunds",
        "published/refunds",
    } <= assets
    shop.good("dg", "launch", "--assets", "key:lake/customers or key:raw/customers")
    chosen = "key:lake/orders or key:raw/orders or key:cleaned or key:totals or key:apart or key:published/totals"
    shop.good("dg", "launch", "--assets", chosen, "--partition-range", f"{DAYS[0]}...{DAYS[-1]}")
    with duckdb.connect(str(shop.root / "data" / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute("SELECT _partition, count(*), sum(amount) FROM published.totals GROUP BY ALL")
        assert sorted(found.fetchall()) == [(day, 3, 33) for day in DAYS]


def test_models_by_partition_without_the_macros_are_refused_with_the_command_that_writes_them(shop: Installed) -> None:
    for path in (shop.root / "dbt" / "macros").iterdir():
        path.unlink()
    result = shop.call("dg", "check", "defs")
    assert result.returncode != 0
    assert "platform-assets dbt macros --into" in result.stdout + result.stderr


def test_the_commands_of_the_page_on_a_project_of_ones_own(packages: Path, tmp_path: Path) -> None:
    write_created(tmp_path)
    blocks = commands(PAGE.read_text().partition("\n## Secrets")[0])
    # a test does not wait until a file has not changed for half a minute
    at_once = "\necho '  settle_seconds: 0' >> src/shop/defs/sales/orders/defs.yaml\n"
    script = "\n".join(block + at_once * ("contract infer" in block) for block in blocks)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, env=environment(tmp_path, packages), capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(blocks) == 8
    assert re.search(r"2026-01-05 +│ 3 +│ 0 +│ published", done.stdout), done.stdout
    assert f"nothing is quarantined in {tmp_path}/data/lake" in done.stdout
    assert "2 passed" in done.stdout
