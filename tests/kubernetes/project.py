"""The project whose runs are pods, and its size classes, as the text of its files."""

DEFINITIONS = """\
import os, platform, time
from pathlib import Path
import dagster as dg
from platform_assets.publishing.leases import acquire
from platform_assets.publishing.taking import lease_owner, take
from platform_assets.warehouse.duckdb.warehouse import DuckDBWarehouse

HERE = Path(__file__).parent

def taking(mib):
    kept = bytearray(os.urandom(1024)) * (mib * 1024)
    time.sleep(1)
    return len(kept)

@dg.asset
def light(context):
    return dg.MaterializeResult(metadata={"size": context.run.tags.get("platform/size", "")})

@dg.asset
def waiting():
    (HERE / "begun").write_text(str(os.getpid()))
    while not (HERE / "go").exists():
        time.sleep(0.1)

@dg.asset
def hungry():
    taking(500)

@dg.asset(tags={"platform/size": "large"})
def insatiable():
    taking(3000)

@dg.asset(tags={"platform/size": "medium"}, owners=["team:finance"])
def known():
    pass

@dg.asset
def broken():
    raise dg.Failure("the till is empty", allow_retries=False)

@dg.asset
def counting():
    with (HERE / "counted").open("a") as file:
        file.write("+")

@dg.asset
def far(context):
    pass

@dg.asset
def leased():
    # the pods of one node have a name each, and process ids of their own
    platform.node = lambda: f"pod-{os.getpid()}"
    warehouse, key = DuckDBWarehouse(HERE / "leased.duckdb", wait_seconds=60, threads=1), ("leased", "all")
    with lease_owner(warehouse, lease_seconds=600) as owner:
        attempt = lambda session: acquire(session, [key], owner=owner, run_id="a run", seconds=600)
        take(warehouse, attempt, run_id="a run", wait_seconds=10, purpose="to wait with it")
        (HERE / "begun").write_text(str(os.getpid()))
        while not (HERE / "go").exists():
            time.sleep(0.1)

one_by_one = dg.multiprocess_executor.configured({"max_concurrent": 1})
apart = dg.define_asset_job("apart", [hungry, insatiable, broken, light], executor_def=one_by_one)
defs = dg.Definitions(
    assets=[light, waiting, hungry, insatiable, known, broken, counting, far, leased], jobs=[apart],
    executor=dg.in_process_executor,
)
"""
SIZES = """\
default: small
sizes:
  small: {memory: 512Mi, cpu: 100m}
  medium: {memory: 1Gi, cpu: 200m}
  large: {memory: 2Gi}
  gpu: {memory: 4Gi, limits: {nvidia.com/gpu: 1}, nodeSelector: {pool: gpu}, ladder: false}
teams:
  finance: {priorityClassName: high, nodeSelector: {pool: finance}}
"""
