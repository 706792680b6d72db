"""A picture in the metadata: rows of each published partition, with those of the run marked."""

import base64
import io
from collections.abc import Collection, Sequence

import dagster as dg

from platform_assets.failures import for_log
from platform_assets.publishing.readers import published_versions
from platform_assets.warehouse.protocol import Warehouse

SHOWN = 400
"""Partitions in the picture at most, the newest of them: it stays readable, and below 30 KB."""


def trend_of_run(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    *,
    key: dg.AssetKey,
    partitions: dg.PartitionsDefinition | None,
    good: Sequence[str],
) -> dict[str, dg.MetadataValue]:
    """The metadata entry `trend` for the newest partition of a run; empty for a table without partitions.

    Rows by partition over the last published ones, as Markdown with a PNG inside. ``good`` are the partitions that
    the run published. They are published by now: a picture that cannot be drawn is reported, and fails nothing.
    """
    if partitions is None or not good:
        return {}
    try:
        return _trend(context, warehouse, key, partitions, good)
    except Exception as error:
        context.log.warning(f"{key.to_user_string()}: no trend in the metadata: {for_log(error)}")
        return {}


def _trend(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    key: dg.AssetKey,
    partitions: dg.PartitionsDefinition,
    good: Sequence[str],
) -> dict[str, dg.MetadataValue]:
    with dg.partition_loading_context(dynamic_partitions_store=context.instance):
        known = partitions.get_partition_keys()
    of_run = frozenset(good)
    recent = _up_to_the_last(known, of_run)[-SHOWN:]
    versions = published_versions(warehouse, asset=key.to_user_string(), partitions=recent)
    points = [(partition, versions[partition].rows) for partition in recent if partition in versions]
    if len(points) < 2:
        return {}
    picture = base64.b64encode(_png(key.to_user_string(), points, of_run)).decode()
    return {"trend": dg.MetadataValue.md(f"![rows by partition](data:image/png;base64,{picture})")}


def _up_to_the_last(partitions: Sequence[str], of_run: Collection[str]) -> Sequence[str]:
    last = max((index for index, key in enumerate(partitions) if key in of_run), default=-1)
    return partitions[: last + 1]


def _png(title: str, points: Sequence[tuple[str, int]], of_run: Collection[str]) -> bytes:
    # the figure without pyplot: nothing global, nothing to close, and no window system is asked for
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.2), dpi=80, layout="constrained")
    axes = figure.add_subplot()
    positions = range(len(points))
    axes.plot(positions, [rows for _, rows in points], linewidth=1, color="#6a5acd")
    if len(of_run) < len(points):
        marked = [(i, rows) for i, (key, rows) in enumerate(points) if key in of_run]
        axes.scatter([i for i, _ in marked], [rows for _, rows in marked], s=14, color="#d9534f", label="this run")
    axes.set_title(f"{title}: rows by partition", fontsize=9)
    ticks = sorted({0, len(points) // 2, len(points) - 1})
    axes.set_xticks(ticks, [points[i][0] for i in ticks], fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()
