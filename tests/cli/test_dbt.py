"""`platform-assets dbt` through its command line."""

from pathlib import Path

from click.testing import CliRunner

from platform_assets.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["dbt", *arguments])
    return result.exit_code, result.output


def test_the_projects_own_sources_agree_with_its_contracts() -> None:
    defs, output = ROOT / "platform_assets/defs", ROOT / "dbt_project/models/staging/_sources.yml"
    assert run("sources", "--check", "--contracts", str(defs), "--output", str(output))[0] == 0


def test_a_changed_contract_makes_the_sources_out_of_date(tmp_path: Path) -> None:
    feed = tmp_path / "defs" / "airlines"
    feed.mkdir(parents=True)
    (feed / "defs.yaml").write_text("type: platform_assets.FileFeed\n")
    contract = (ROOT / "platform_assets/defs/flights/airlines/contract.yaml").read_text()
    (feed / "contract.yaml").write_text(contract)
    arguments = ("--contracts", str(tmp_path / "defs"), "--output", str(tmp_path / "sources.yml"))
    assert run("sources", *arguments)[0] == 0
    assert run("sources", "--check", *arguments)[0] == 0
    (feed / "contract.yaml").write_text(contract.replace("Name of the airline.", "What the airline calls itself."))
    code, output = run("sources", "--check", *arguments)
    assert code == 1
    assert "+      description: What the airline calls itself." in output


def test_a_wrong_contract_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "defs.yaml").write_text("type: platform_assets.FileFeed\n")
    (tmp_path / "contract.yaml").write_text("kind: DataContract\n")
    code, output = run("sources", "--contracts", str(tmp_path), "--output", str(tmp_path / "sources.yml"))
    assert code == 1
    assert "contract.yaml" in output
    assert "Traceback" not in output
    assert not (tmp_path / "sources.yml").exists()


def test_the_macros_are_copied_with_the_version_they_are_of(tmp_path: Path) -> None:
    assert run("macros", "--into", str(tmp_path / "macros"))[0] == 0
    names = {path.name for path in (tmp_path / "macros").iterdir()}
    assert {"in_partitions.sql", "partition_overwrite.sql", "tests_by_partition.sql"} <= names
    assert (tmp_path / "macros" / "in_partitions.sql").read_text().startswith("{# from platform-assets ")


def test_models_that_read_the_clock_are_found_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    model = tmp_path / "models" / "orders.sql"
    model.write_text("select 'now()' as said, -- now()\n  {# random() #} id\nfrom raw where day < Current_Date\n")
    code, output = run("lint", "--project", str(tmp_path))
    assert code == 1
    assert f"{model}:3: Current_Date" in output
    assert f"{model}:1" not in output
    model.write_text("select id, now() as seen -- volatile: an audit column that nobody compares\n")
    assert run("lint", "--project", str(tmp_path))[0] == 0
    assert "name the dbt project" in run("lint", "--project", str(tmp_path / "models"))[1]
