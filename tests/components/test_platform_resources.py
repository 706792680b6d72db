"""What `PlatformResources` brings to a project besides the resource: its sensors, beside the project's own."""

from pathlib import Path

import pytest

from tests.support.projects import RESOURCES, opened, write_project

OWN = """\
import dagster as dg


@dg.asset(group_name="mine", automation_condition=dg.AutomationCondition.eager())
def report() -> None: ...


@dg.asset(group_name="theirs", automation_condition=dg.AutomationCondition.eager())
def totals() -> None: ...
"""
SENSOR = """
own = dg.AutomationConditionSensorDefinition("own", target=dg.AssetSelection.groups("mine"))
"""


def sensors(root: Path, module: str, word: str = "") -> dict[str, tuple[bool, set[str]]]:
    """Of each sensor whether it is on by default, and the assets whose conditions it evaluates."""
    write_project(root, {"platform/defs.yaml": RESOURCES + word, "own.py": module})
    with opened(root) as project:
        repository = project.definitions.get_repository_def()
        found = {}
        for sensor in repository.sensor_defs:
            selected = getattr(sensor, "asset_selection", None)
            keys = selected.resolve(repository.asset_graph) if selected is not None else set()
            found[sensor.name] = (sensor.default_status.value == "RUNNING", {key.to_user_string() for key in keys})
        return found


ALWAYS: dict[str, tuple[bool, set[str]]] = {"alerts": (True, set()), "dead_runs": (True, set())}


def test_dead_runs_are_ended_and_every_condition_is_evaluated_without_a_word(tmp_path: Path) -> None:
    assert sensors(tmp_path, OWN) == {"automation": (True, {"report", "totals"}), **ALWAYS}


def test_assets_that_the_projects_own_sensor_evaluates_can_be_left_out(tmp_path: Path) -> None:
    found = sensors(tmp_path, OWN + SENSOR, '  automation: "not group:mine"\n')
    assert found == {"automation": (True, {"totals"}), "own": (False, {"report"}), **ALWAYS}


def test_a_project_that_evaluates_all_by_itself_says_none(tmp_path: Path) -> None:
    found = sensors(tmp_path, OWN + SENSOR.replace('groups("mine")', "all()"), "  automation: none\n")
    assert found == {"own": (False, {"report", "totals"}), **ALWAYS}


def test_two_sensors_for_one_asset_are_refused_by_dagster_which_names_both(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="overlapping asset") as raised:
        sensors(tmp_path, OWN + SENSOR)
    assert "'own'" in str(raised.value)
    assert "'automation'" in str(raised.value)


def test_a_place_of_which_a_variable_left_nothing_is_named(tmp_path: Path) -> None:
    write_project(tmp_path, {"platform/defs.yaml": RESOURCES.replace("data/lake", '"{{ env.NOT_SET_ANYWHERE }}"')})
    with opened(tmp_path) as project, pytest.raises(Exception, match="PlatformResources") as raised:
        _ = project.definitions
    assert "lake of PlatformResources holds nothing" in str(raised.value.__cause__)
