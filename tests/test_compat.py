"""What the platform relies on in Dagster's private parts: when one of these fails, `_compat` has to follow."""

import inspect
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.definitions import automation_condition_sensor_definition
from dagster._core.remote_representation.external_data import ComponentTreeSnap
from dagster._core.scheduler.instigation import InstigatorType, SensorInstigatorData
from dagster._core.storage.runs.schema import KeyValueStoreTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._daemon.daemon import SensorDaemon

from platform_assets._compat import NOT_A_MATERIALIZATION, component_tree, lift_limit_of_conditions
from platform_assets.instance import values
from platform_assets.launching._compat import home_of, hook_sensor_daemon
from tests.support.projects import opened, write_project
from tests.support.sensor_daemon import own_sensor_daemon
from tests.support.shop import CONTRACT, DEFS, ORDER_COLUMNS

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-06")


def test_an_output_with_the_private_key_does_not_mark_the_range_and_lets_downstream_run() -> None:
    spec = dg.AssetSpec("upstream", partitions_def=DAYS)

    @dg.multi_asset(specs=[spec], backfill_policy=dg.BackfillPolicy.single_run())
    def upstream(context: dg.AssetExecutionContext):
        yield dg.AssetMaterialization("upstream", partition="2024-01-02")
        yield dg.Output(None, output_name="upstream", metadata=dict(NOT_A_MATERIALIZATION))

    ran: list[bool] = []

    @dg.asset(deps=[upstream], partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
    def downstream() -> None:
        ran.append(True)

    tags = {"dagster/asset_partition_range_start": "2024-01-01", "dagster/asset_partition_range_end": "2024-01-05"}
    with dg.instance_for_test() as instance:
        assert dg.materialize([upstream, downstream], instance=instance, tags=tags).success
        assert set(instance.get_materialized_partitions(dg.AssetKey("upstream"))) == {"2024-01-02"}
    assert ran == [True]


def test_a_job_holds_just_the_selected_checks() -> None:
    @dg.asset
    def table() -> None: ...

    @dg.asset_check(asset=table)
    def verdict() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    job = dg.Definitions(assets=[table], asset_checks=[verdict]).resolve_implicit_global_asset_job_def()
    key = dg.AssetCheckKey(dg.AssetKey("table"), "verdict")
    assert key in job.asset_layer.asset_graph.asset_check_keys
    without = job.get_subset(asset_selection={dg.AssetKey("table")}, asset_check_selection=set())
    assert key not in without.asset_layer.asset_graph.asset_check_keys


def feeds(number: int) -> dict[str, str]:
    """The files of so many feeds."""
    files: dict[str, str] = {}
    for i in range(number):
        files[f"feed_{i}/defs.yaml"] = DEFS["orders/defs.yaml"]
        files[f"feed_{i}/contract.yaml"] = CONTRACT.format(name=f"feed_{i}", columns=ORDER_COLUMNS)
    return files


def test_the_declarations_of_components_are_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, feeds(5))
    listed: list[dg.ComponentTree] = []
    original = dg.ComponentTree._component_decl_tree

    def counted(tree: dg.ComponentTree) -> object:
        listed.append(tree)
        return original(tree)

    monkeypatch.setattr(dg.ComponentTree, "_component_decl_tree", counted)
    with opened(tmp_path):
        tree = component_tree(tmp_path)
        graph = tree.build_defs(tree.defs_module_path).resolve_asset_graph()
    assert len(graph.get_all_asset_keys()) == 15
    assert len(listed) == 1, "and not for each component again"


@pytest.mark.slow
def test_a_code_server_names_components_as_before_and_imports_no_library_for_it(tmp_path: Path) -> None:
    write_project(tmp_path, feeds(3))
    with opened(tmp_path):
        tree = component_tree(tmp_path)
        tree.build_defs(tree.defs_module_path)
        names = {leaf.full_type_name for leaf in ComponentTreeSnap.from_tree(tree).leaf_instances}
    assert {"platform_assets.FileFeed", "platform_assets.PlatformResources"} <= names
    code = "import sys; from platform_assets._compat import component_tree; from pathlib import Path;"
    code += f"sys.path.insert(0, {str(tmp_path)!r}); tree = component_tree(Path({str(tmp_path)!r}) / 'somebody');"
    code += "tree.build_defs(tree.defs_module_path);"
    code += "from dagster._core.remote_representation.external_data import ComponentTreeSnap;"
    code += "print(sorted({leaf.full_type_name for leaf in ComponentTreeSnap.from_tree(tree).leaf_instances}));"
    code += "print('dagster_dbt' in sys.modules)"
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == [str(sorted(names)), "False"]


def test_the_sensor_daemon_waits_and_decides_where_it_is_hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/launching/test_quick_sensors.py shows what comes of it; this is what has to be there."""
    room = own_sensor_daemon(monkeypatch)
    loop = inspect.getsource(room.execute_sensor_iteration_loop)
    assert "shutdown_event.wait(" in loop
    assert inspect.getsource(room).count("if is_under_min_interval(sensor_state, ") == 2
    assert list(inspect.signature(SensorDaemon.core_loop).parameters) == [
        "self",
        "workspace_process_context",
        "shutdown_event",
    ]
    hook_sensor_daemon(lambda _, event: event, lambda _, moment: moment.is_early)
    hook_sensor_daemon(lambda _, event: event, lambda _, moment: not moment.is_early)
    data = SensorInstigatorData(last_tick_start_timestamp=time.time())
    state = SimpleNamespace(instigator_data=data, instigator_type=InstigatorType.SENSOR)
    assert room.is_under_min_interval(state, SimpleNamespace(name="one", min_interval_seconds=3600)), "hooked once"


def test_a_reference_tells_where_its_instance_is() -> None:
    with dg.instance_for_test() as instance:
        assert str(home_of(instance.get_ref())) == instance.root_directory


def test_the_limit_of_conditions_is_where_it_is_lifted() -> None:
    source = inspect.getsource(automation_condition_sensor_definition._evaluate)
    assert "> MAX_ENTITIES" in source
    lift_limit_of_conditions()
    assert automation_condition_sensor_definition.MAX_ENTITIES > 500


def test_the_storage_of_runs_has_the_table_of_values() -> None:
    assert [name for name in values.RELIED_ON if not hasattr(SqlRunStorage, name)] == []
    assert {column.name for column in KeyValueStoreTable.columns} == {"id", "key", "value"}
    with dg.instance_for_test() as instance:
        assert isinstance(instance.run_storage, SqlRunStorage)
