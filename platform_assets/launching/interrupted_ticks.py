"""Ticks of sensors that a killed daemon had carried out, but not written down to the end.

Dagster goes on with a tick that has runs left to request. One whose runs are all requested it takes for skipped, with
the cursor of before: the sensor would be evaluated on it once more, and ask for the same again.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorType
from dagster._core.scheduler.instigation import InstigatorTick, InstigatorType, SensorInstigatorData, TickStatus

_OF_CONDITIONS = (SensorType.AUTOMATION, SensorType.AUTO_MATERIALIZE)
"""Their cursor is kept by the daemon of conditions, in its own way."""


def finish_interrupted_ticks(instance: dg.DagsterInstance) -> list[str]:
    """Write down what the last tick of each sensor has done; the names of the sensors. No daemon may be at work."""
    finished = []
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        data = state.instigator_data
        if not isinstance(data, SensorInstigatorData) or data.sensor_type in _OF_CONDITIONS:
            continue
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1):
            if not _is_carried_out(tick, data):
                continue
            if tick.status is TickStatus.STARTED:
                instance.update_tick(tick.with_status(TickStatus.SUCCESS))
            last_run_key = tick.run_keys[-1] if tick.run_keys else data.last_run_key
            saved = data._replace(
                last_tick_timestamp=tick.timestamp,
                last_run_key=last_run_key,
                cursor=tick.cursor,
                last_tick_success_timestamp=tick.timestamp,
            )
            instance.update_instigator_state(state.with_data(saved))
            finished.append(tick.instigator_name)
    return finished


def _is_carried_out(tick: InstigatorTick, data: SensorInstigatorData) -> bool:
    """Whether all that the tick asked for was requested, and the sensor's state is older."""
    older = tick.timestamp > (data.last_tick_timestamp or 0.0)
    if tick.status is TickStatus.STARTED:
        return older and bool(tick.tick_data.reserved_run_ids) and not tick.unsubmitted_run_ids_with_requests
    return older and tick.status is TickStatus.SUCCESS
