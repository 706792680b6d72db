"""`platform-assets dbt plan`: prepared changes of a shop, each with its category and what it reaches, by column."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from platform_assets.cli.revisions import base_of
from tests.support.plan_changes import APART, CHANGES, CLEANED, LATEST, MONEY, NAMED
from tests.support.plan_shop import commit, copy_of, git, plan, plan_of, write_dbt, write_plan_shop
from tests.support.projects import opened
from tests.support.shop import DAYS, DBT, deliver

slow = pytest.mark.slow


@pytest.fixture(name="kept", scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop, planned once: the state of HEAD is parsed and compiled."""
    root = tmp_path_factory.mktemp("plan") / "shop"
    write_plan_shop(root)
    result = plan(root)
    assert result.exit_code == 0, result.output
    assert "nothing changes for readers" in result.output
    assert git(root, "status", "--short") == "", "the working tree is as it was"
    assert not (root / "data").exists(), "no warehouse was opened"
    return root


@pytest.fixture(name="shop")
def _shop(kept: Path, tmp_path: Path) -> Path:
    return copy_of(kept, tmp_path / "shop")


def said(found: dict[str, Any]) -> dict[str, Any]:
    """The changes in short: category, reasons for all columns, and the columns."""
    return {
        each["name"]: (each["category"], [*each["rows"], *each["table"]], dict(each["columns"]))
        for each in found["changes"]
    }


def reached(found: dict[str, Any]) -> dict[str, Any]:
    """What is downstream, with its columns."""
    return {each["name"]: each["columns"] for each in found["downstream"]}


def test_comments_and_format_change_nothing(shop: Path) -> None:
    cleaned = CLEANED.replace("select id, customer", '-- what is left\nSELECT\n    ID, /* who */ "customer"').replace(
        "where {{ in_partitions() }} and status <> 'lost'", "WHERE (STATUS != 'lost') AND {{ in_partitions() }}"
    )
    named = NAMED.replace("as o left join", "AS o\n  LEFT OUTER JOIN").replace("o.id,", "o.id as id,")
    models = DBT["models/models.yml"].replace("- name: apart", "- name: apart\n    description: Orders a day.")
    found = plan_of(
        shop,
        {
            "models/cleaned.sql": cleaned,
            "models/named.sql": named,
            "models/models.yml": models,
            "macros/money.sql": "{# money #}\n" + MONEY,
        },
    )
    assert (found["changes"], found["downstream"], found["tests"]) == ([], [], [])
    assert found["rebuild"]["assets"] == []


def test_a_changed_expression_reaches_the_columns_that_come_from_it(shop: Path) -> None:
    found = plan_of(shop, {"models/cleaned.sql": CLEANED.replace("status,", "upper(status) as status,")})
    assert said(found) == {"cleaned": ("breaking", [], {"status": "status -> UPPER(status)"})}
    assert reached(found) == {
        "named": ["status"],
        "everything": ["status"],
        "appended": ["status"],
        "seen": ["status"],
        **LATEST,
    }
    missing = "data/warehouse.duckdb does not exist: nothing was published there"
    assert found["rebuild"]["unknown"].endswith(missing)
    result = plan(shop, "--fail-on", "breaking")
    assert result.exit_code == 1
    assert "status: status -> UPPER(status)" in result.output
    text = plan(shop, "--markdown").output
    assert "| cleaned | model | breaking | status: status -> UPPER(status) |" in text


@slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_has_its_category_and_reach(shop: Path, change: str) -> None:
    files, changes, downstream = CHANGES[change]
    found = plan_of(shop, files)
    changes = {
        name: ("breaking", *rest) if what == "removed" else (what, *rest) for name, (what, *rest) in changes.items()
    }
    assert said(found) == changes
    assert reached(found) == downstream
    assert found["tests"] == []


@slow
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("[unique, not_null]", "[unique]", ("not_null of id", "removed", "")),
        ("[unique, not_null]", "[unique, not_null, {accepted_values: {arguments: {values: [1]}}}]",
         ("accepted_values of id", "added", "")),
        ("[open, paid]", "[open, paid, sent]", ("accepted_values of status", "changed", '"sent"')),
        ("[unique, not_null]", "[unique, {not_null: {config: {severity: warn}}}]",
         ("not_null of id", "changed", 'severity: "ERROR" -> "warn"')),
        ("constraints: [{type: not_null}]", "constraints: []", ("contract", "changed", "constraints of amount")),
    ],
)  # fmt: skip
def test_changed_gates_are_listed_apart(shop: Path, before: str, after: str, expected: tuple[str, str, str]) -> None:
    found = plan_of(shop, {"models/models.yml": DBT["models/models.yml"].replace(before, after)})
    assert (found["changes"], found["downstream"]) == ([], [])
    ((name, what, detail),) = [(each["name"], each["what"], each["detail"]) for each in found["tests"]]
    assert (name, what) == expected[:2]
    assert expected[2] in detail


def test_the_base_is_said_and_the_working_tree_is_left_alone(shop: Path) -> None:
    main = git(shop, "rev-parse", "HEAD")
    git(shop, "switch", "--quiet", "--create", "more")
    (shop / "somebody/note.py").write_text('"""Nothing of dbt."""\n')
    commit(shop, "second")
    assert f"Compared with {main[:8]} (merge base with main)" in plan(shop).output
    head = git(shop, "rev-parse", "HEAD")
    assert f"Compared with {head[:8]} (named HEAD)" in plan(shop, "--against", "HEAD").output
    assert git(shop, "status", "--short") == ""
    assert git(shop, "worktree", "list").count("\n") == 0


def test_what_cannot_be_compared_with_is_said(shop: Path, tmp_path: Path) -> None:
    result = plan(shop, "--against", "v9")
    assert result.exit_code == 1
    assert "'v9' is no revision of" in result.output
    git(shop, "rm", "-r", "--quiet", "--cached", "dbt")
    git(shop, "commit", "--quiet", "--message", "without dbt")
    assert "dbt/dbt_project.yml is not in" in plan(shop, "--against", "HEAD").output
    (shop / ".git").rename(tmp_path / "elsewhere")
    assert "lies in no git repository" in plan(shop).output
    (shop / "dbt/dbt_project.yml").unlink()
    assert "name the dbt project with --project" in plan(shop).output


def test_a_checkout_without_history_is_refused(kept: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{kept}", str(tmp_path / "ci")], check=True)
    # as CI checks a pull request out
    git(tmp_path / "ci", "switch", "--quiet", "--detach")
    git(tmp_path / "ci", "branch", "--quiet", "-D", "main")
    git(tmp_path / "ci", "remote", "remove", "origin")
    with pytest.raises(click.ClickException, match="fetch-depth: 0"):
        base_of(tmp_path / "ci", None)


@slow
def test_an_earlier_state_that_does_not_parse_is_said(shop: Path) -> None:
    write_dbt(shop, {"models/apart.sql": "select * from {{ ref('nowhere') }}"})
    broken = commit(shop, "broken")
    write_dbt(shop, {"models/apart.sql": APART})
    result = plan(shop, "--against", broken)
    assert result.exit_code == 1
    assert f"the project as it was at {broken[:8]}" in result.output
    assert "nowhere" in result.output
    assert "platform-assets-plan-" not in result.output.splitlines()[-1]


@slow
def test_partitions_and_times_are_those_of_the_ledger_and_of_earlier_runs(shop: Path) -> None:
    (shop / "data").mkdir(exist_ok=True)
    with opened(shop) as project:
        deliver(project)
        assets = "key:*/orders or key:cleaned or key:totals or key:apart or key:published/totals"
        for day in DAYS[:3]:
            assert project.run(assets, day).success
        files = {"models/cleaned.sql": CLEANED.replace("'lost'", "'gone'")}
        found = plan_of(shop, files)
    rebuild = found["rebuild"]
    assert (rebuild["unknown"], rebuild["no_history"]) == ("", "")
    named = {each["asset"]: (each["partitions"], each["runs"]) for each in rebuild["assets"]}
    assert named == dict.fromkeys(("cleaned", "totals", "published/totals"), (DAYS[:3], 3))
    for each in rebuild["assets"]:
        assert each["seconds"] == pytest.approx(3 * each["seconds_per_partition"])
    text = plan(shop).output
    assert "median of 3 runs" not in text, "no runs are recorded where DAGSTER_HOME does not say"
    assert "no history" in text


@slow
def test_a_secret_of_the_environment_is_not_shown(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", "pepper-and-salt")
    text = APART.replace("count(*) as orders", "md5(max(status) || '{{ env_var(\"SHOP_SECRET\") }}') as orders")
    write_dbt(shop, {"models/apart.sql": text})
    for form in ("--json", "--markdown"):
        output = plan(shop, form).output
        assert "MD5(MAX(status)" in output
        assert "pepper" not in output


@slow
def test_a_local_package_is_compared_as_it_was(shop: Path) -> None:
    macro = "{% macro shared() %}1{% endmacro %}\n"
    package = shop / "package"
    (package / "macros").mkdir(parents=True)
    (package / "dbt_project.yml").write_text("name: package\nversion: '1.0.0'\n")
    (package / "macros/shared.sql").write_text(macro)
    (shop / ".gitignore").write_text((shop / ".gitignore").read_text() + "dbt_packages/\npackage-lock.yml\n")
    apart = APART.replace("count(*) as orders", "count(*) + {{ package.shared() }} as orders")
    write_dbt(shop, {"packages.yml": "packages:\n  - local: ../package\n", "models/apart.sql": apart})
    commit(shop, "with a package")
    assert "nothing changes for readers" in plan(shop).output
    (package / "macros/shared.sql").write_text(macro.replace("1", "2"))
    found = json.loads(plan(shop, "--json").stdout)
    assert said(found) == {"apart": ("breaking", [], {"orders": "COUNT(*) + 1 -> COUNT(*) + 2"})}
    assert found["changes"][0]["macros"] == ["shared"]
    assert git(shop, "status", "--short") == "M package/macros/shared.sql"


@slow
def test_json_is_all_that_is_printed(shop: Path) -> None:
    write_dbt(shop, {"models/latest.sql": "select 1 as one, id from {{ ref('cleaned') }}"})
    assert json.loads(plan(shop, "--json").stdout)["breaking"] is True
