"""The board of all assets as a page in the platform's folder, written every hour."""

import datetime as dt
import os
from pathlib import Path

import dagster as dg

from platform_assets.automation.daily import daily_schedule

NAME = "status_page"
STATUS_FILE = "status.html"
CRON = "7 * * * *"


def status_schedule(file: Path) -> dg.ScheduleDefinition:
    """The schedule `status_page`, on by default, which writes ``file``."""

    @dg.op(name="write_status_page", out=dg.Out(dg.Nothing))
    def write(context: dg.OpExecutionContext) -> dg.Output[None]:
        # what only a run of this job needs
        from platform_assets.alerts.rendering.status import page
        from platform_assets.automation.alerting.board import board
        from platform_assets.automation.alerting.places import store_of

        now = dt.datetime.now(dt.UTC)
        graph = context.repository_def.asset_graph
        found = board(context.instance, graph, store_of(context.instance), now)
        write_page(file, page(found, now))
        late = sum(bool(status.missing) for status in found)
        return dg.Output(None, metadata={"page": dg.MetadataValue.path(str(file)), "assets": len(found), "late": late})

    return daily_schedule(
        write, name=NAME, cron=CRON, what="writes the status of all assets as a page of HTML.", every="Every hour"
    )


def write_page(file: Path, text: str) -> None:
    """Replace ``file`` in one rename, so that nobody reads half a page."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)
