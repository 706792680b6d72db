"""Clear values are searched for wherever an instance keeps what runs have said."""

from pathlib import Path

import dagster as dg
import pytest

from demo.postgres_server import postgres_server
from platform_assets.cli.reload_instance import search_instance
from platform_assets.reloading.needles import Needles
from tests.instance.test_postgres import QUICK, instance
from tests.support.projects import quick_instance

VALUE = 'ann "é"@clear.example'
NEEDLES = Needles([VALUE])


@dg.op
def speaks(context: dg.OpExecutionContext) -> None:
    context.log.info(f"a row: {VALUE}")
    context.add_output_metadata({"row": {"mail": VALUE}})


def speak(instance: dg.DagsterInstance) -> None:
    @dg.job
    def job() -> None:
        speaks()

    assert job.execute_in_process(instance=instance).success


def found(instance: dg.DagsterInstance) -> dict[str, int | None]:
    return {each.where: each.found for each in search_instance(instance, NEEDLES)}


def test_folders_that_lie_elsewhere_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    with dg.instance_for_test(temp_dir=str(tmp_path / "home"), overrides=quick_instance(tmp_path / "other")) as made:
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
        assert found(made) == {"event log and logs": 0}
        speak(made)
        (_, elsewhere) = search_instance(made, NEEDLES)
        assert elsewhere.found
        assert all(str(tmp_path / "other") in place for place in elsewhere.at)


@pytest.mark.slow
def test_a_postgresql_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_server() as url, instance(tmp_path / "home", url, QUICK) as made:
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
        assert found(made)["event log in PostgreSQL"] == 0
        speak(made)
        results = {each.where: each for each in search_instance(made, NEEDLES)}
        assert (results["event log in PostgreSQL"].found or 0) >= 2
        assert "event_logs" in results["event log in PostgreSQL"].at
