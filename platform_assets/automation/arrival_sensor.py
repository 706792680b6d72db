"""The arrival sensor of a feed: runs for what lies in the landing folder and is neither published nor rejected.

A tick looks at what changed since the last one, at what was asked for and is not confirmed, and now and then at
everything once more; it asks for `lake` and `raw` of a partition in one run. What is asked for, and when again, is
decided in ``reconciler``. What the sensor cannot take (a link, a name that fits no partition, a delivery that is not
complete) is reported in the tick.
"""

import datetime as dt
import time
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from platform_assets._compat import materialized_data_versions
from platform_assets.automation.arrival_report import (
    SHOWN,
    log_requests,
    quiet_reason,
    report_arrivals,
    report_withdrawn,
)
from platform_assets.automation.cursor import EARLY, CursorTooNew, Seen, after_faults, read_cursor, write_cursor
from platform_assets.automation.failures import CODE_SERVER, failed_partitions, what_decides
from platform_assets.automation.holdings import standings
from platform_assets.automation.landing_watches import sensor_name, watched
from platform_assets.automation.reconciler import Decision, Situation, Standing, begun_anew, due, reconcile, restarted
from platform_assets.automation.requests import dynamic_keys, run_requests
from platform_assets.automation.runs_in_progress import partitions_in_progress
from platform_assets.automation.withdrawn import concluded, search
from platform_assets.failures import Kind
from platform_assets.feeds.deadlines import deadline_ns
from platform_assets.feeds.expected import missing_keys
from platform_assets.feeds.feed import Feed
from platform_assets.feeds.landing_events import observed, recognized
from platform_assets.holds.holds import held
from platform_assets.lake.deliveries import Delivery, dagster_partition
from platform_assets.lake.names import shown
from platform_assets.landing.found import Look, Watermark
from platform_assets.landing.landing import Landing
from platform_assets.landing.walk import ROOT
from platform_assets.logs import forwarded, log_context
from platform_assets.platform_resource import PlatformResource
from platform_assets.retries.policy import Policy
from platform_assets.wording import counted

CHANGES_PER_TICK = 2_000
"""Changed files that one tick looks at: bounds its time and its memory; the rest is the next tick's."""

AGAIN_PER_TICK = 500
"""Files that one tick of a look through everything looks at once more."""

LOOKS_NS = tuple(minutes * 60 * 10**9 for minutes in (1, 2, 5, 15, 60))
"""How long after a look that left something undone the next look through everything comes; then always the last."""

SET_BACK_NS = 10 * 10**9
"""Clocks are corrected by less than this without anybody having to know."""


def arrival_sensor(feed: Feed) -> dg.SensorDefinition:
    """The sensor `<feed>_arrivals`; on by default, and quiet while nothing arrives."""

    @dg.sensor(
        name=sensor_name(feed),
        description=f"Starts a run for each delivery of {feed.name}: {feed.pattern.pattern} in the landing folder.",
        # not `target`, which makes a job of each sensor's own: a repository of 200 feeds is four times as big by them
        asset_selection=dg.AssetSelection.assets(feed.lake_key, feed.raw_key),
        minimum_interval_seconds=feed.pace.interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def arrivals(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        try:
            seen = read_cursor(context.cursor)
        except CursorTooNew as error:
            return dg.SensorResult(skip_reason=f"{feed.name}: {error}", cursor=context.cursor)
        now_ns = time.time_ns()
        known = held(context.instance, now_ns / 10**9)
        names = [key.to_user_string() for key in (feed.lake_key, feed.raw_key)]
        if holds := known.of(names):
            # nothing is looked at: what arrives meanwhile is found by the first tick after the release
            return dg.SensorResult(
                skip_reason=f"{holds[0].failure.message}. {holds[0].failure.next_step}", cursor=context.cursor
            )
        decides = what_decides(feed, platform, known)
        with log_context(feed=feed.name), forwarded(context.log, level=platform.log_level):
            return _Tick(feed, platform, context, now_ns, platform.retry_policies().of(names[0]), decides).result(seen)

    return arrivals


@dataclass
class _Tick:
    """One evaluation of the sensor."""

    feed: Feed
    platform: PlatformResource
    context: dg.SensorEvaluationContext
    now_ns: int
    policy: Policy
    decides: str

    def result(self, before: Seen) -> dg.SensorResult:
        feed, log = self.feed, self.context.log
        known = watched(self.context, feed, self.platform)
        folder = feed.landing(self.platform.landing, known.known_whole)
        seen = self._prepared(before, folder)
        changed = {key for path in known.changed() if (key := folder.partition_of(path)) is not None}
        looked = _keys_that_are_over(
            feed, {*seen.early, *due(seen.asked, self.now_ns, self.policy), *changed}, self.now_ns
        )
        look = folder.look(
            seen.watermark,
            now_ns=self.now_ns,
            limit=CHANGES_PER_TICK,
            again=seen.again,
            again_limit=AGAIN_PER_TICK,
            keys=looked,
            rotation=seen.rotation,
            missing=self._missing,
        )
        found = look.arrivals
        watermark, hindered = after_faults(seen, look.watermark, found.faults)
        seen, withdrawn = self._searched(seen, look, folder)
        over = _keys_that_are_over(feed, {*seen.early, *found.deliveries, *changed}, self.now_ns)
        decision = self._decided(seen, look, over, looked & seen.asked.keys())
        # a folder that was never there is that of a new project, and no news
        news = hindered.keys() - seen.hindered.keys() - ({ROOT} if seen.watermark == Watermark() else set())
        report_arrivals(log, feed, found, news)
        ahead_of_time = {*seen.early, *found.deliveries} - over
        for key in sorted(ahead_of_time)[:SHOWN]:
            log.info(f"{feed.name}: {key} is not over yet: its delivery is taken once it is")
        for key in decision.ended[:SHOWN]:
            log.warning(f"{feed.name}: {shown(key)} is not asked for again ({decision.asked[key].kind})")
        for key in decision.gone[:SHOWN]:
            log.warning(f"{feed.name}: the delivery of {shown(key)} was withdrawn before it was taken")
        # what is known to have changed and is not complete yet is looked at again, wherever it lies
        early = ahead_of_time | (over & {*seen.early, *changed} & found.waiting.keys()) | found.undecided
        cursor = write_cursor(
            replace(
                self._looked_through(seen, look, decision),
                watermark=watermark,
                rotation=look.rotation,
                early=tuple(sorted(early)[:EARLY]),
                hindered=hindered,
                asked=decision.asked,
                code_server=CODE_SERVER if decision.asked else "",
            )
        )
        # what hinders a look is there at every tick, and an event when it is new
        is_news = found.irregular or found.unmatched or news or withdrawn
        strange = [recognized(feed, found, withdrawn)] if is_news else []
        if not decision.requests:
            return dg.SensorResult(skip_reason=quiet_reason(feed.name, found), cursor=cursor, asset_events=strange)
        first = [request.delivery for request in decision.requests if request.tries == 1]
        log_requests(decision.requests)
        dynamic = dynamic_keys(self.context.instance, feed, decision.requests)
        return dg.SensorResult(
            run_requests=list(run_requests(feed, decision.requests, self.now_ns, found.young, dynamic)),
            cursor=cursor,
            asset_events=[*(observed(feed, delivery) for delivery in first), *strange],
            dynamic_partitions_requests=_new_keys(feed, [request.delivery for request in decision.requests]),
        )

    def _prepared(self, seen: Seen, folder: Landing) -> Seen:
        """What was seen before, with a look through everything begun if there is a reason for one."""
        now, contract = self.now_ns, self.decides
        if seen == Seen():
            return Seen(through_ns=now, contract=contract, clock_ns=now)
        through = seen.again is None and not 0 <= now - seen.through_ns < folder.look_through_ns
        # no distance is so long that it explains a time much later than now
        undone = seen.again is None and seen.again_ns and not 0 < seen.again_ns - now < 2 * LOOKS_NS[-1]
        watermark = seen.watermark
        before = max(seen.clock_ns, watermark.changed_ns)
        if before > now + SET_BACK_NS:
            self.context.log.warning(
                f"{self.feed.name}: the clock was set back by {(before - now) / 1e9:.0f} s since the last tick: "
                "everything in the landing folder is looked at again, and nothing is taken twice"
            )
            through = True
            watermark = min(watermark, Watermark(now - int(self.feed.completeness.settle_seconds * 1e9)))
        if seen.contract and seen.contract != contract:
            seen = replace(seen, asked=begun_anew(seen.asked, now))
            through = True
        elif seen.code_server != CODE_SERVER:
            seen = replace(seen, asked=restarted(seen.asked, now))
        if through or undone:
            seen = replace(seen, again=Watermark(), again_ns=0, through_ns=now)
        return replace(seen, watermark=watermark, contract=contract, clock_ns=now)

    def _missing(self) -> list[str]:
        """The partitions of which the lake holds nothing."""
        lake, feed = self.platform.open_lake(), self.feed
        held = {lake.partition_of(feed.name, name) for name in lake.partition_names(feed.name)}
        return missing_keys(feed.partitions, held, self.now_ns)

    def _looked_through(self, seen: Seen, look: Look, decision: Decision) -> Seen:
        """How far the look through everything has come, and when the next one begins."""
        again, again_ns, looks, ahead = seen.again, seen.again_ns, seen.looks, seen.ahead
        if again is not None:
            again = look.again
        if decision.overflowed and not again_ns:
            again_ns = self.now_ns + LOOKS_NS[min(looks, len(LOOKS_NS) - 1)]
            looks += 1
        if decision.recovered and again_ns:
            again_ns = self.now_ns
        if again is None and not again_ns:
            looks = 0
        if again is None and look.ahead_sum != ahead:
            ahead = look.ahead_sum
            if look.ahead:
                again = Watermark(self.now_ns)
                self.context.log.warning(
                    f"{self.feed.name}: {counted(look.ahead, 'file was', 'files were')} changed at a time that is in "
                    "the future (a clock was set back, or it is that of another machine), and taken all the same"
                )
        return replace(seen, again=again, again_ns=again_ns, looks=looks, ahead=ahead)

    def _searched(self, seen: Seen, look: Look, folder: Landing) -> tuple[Seen, tuple[str, ...]]:
        """Add to what was found what is left where a file was taken away; what is gone as a whole is to be reported."""
        found = look.arrivals
        if ROOT in found.faults:
            return seen, ()
        step = search(self.platform.open_lake(), folder, seen.withdrawals, look.folders)
        missing = step.suspects - found.deliveries.keys() - found.waiting.keys()
        gone: list[str] = []
        if missing:
            more = folder.deliveries(set(missing), now_ns=self.now_ns)
            found.deliveries.update(more.deliveries)
            found.young |= more.young
            if missing & more.hindered:
                return seen, ()  # the next tick searches there again
            gone = sorted(missing - more.deliveries.keys() - more.waiting.keys())
        progress, is_news = concluded(step, gone)
        if is_news:
            report_withdrawn(self.context.log, self.feed, progress.count, gone)
        return replace(seen, withdrawals=progress), tuple(gone) if is_news else ()

    def _decided(self, seen: Seen, look: Look, over: Set[str], looked: Set[str]) -> Decision:
        feed, now = self.feed, self.now_ns
        deliveries = {
            key: delivery
            for key, delivery in look.arrivals.deliveries.items()
            if key in over
            and ((entry := seen.asked.get(key)) is None or entry.version != delivery.version or key in looked)
        }
        standing, hashes = standings(feed, self.platform, deliveries.values(), self.context.log.warning)
        asked_for = {key: rows for key, rows in hashes.items() if key in seen.asked and rows}
        if asked_for:
            # a run that died between the ledger's transaction and its event has published for nobody
            known = materialized_data_versions(self.context.instance, feed.raw_key, list(asked_for))
            lost = {key for key, rows in asked_for.items() if known.get(dagster_partition(key)) != rows}
            standing |= dict.fromkeys(lost, Standing.ABSENT)
        open_ones = [key for key, where in standing.items() if key in seen.asked or not where.is_final]
        running = partitions_in_progress(self.context.instance, feed, now) if open_ones else set()
        failed = failed_partitions(self.context.instance, feed, [key for key in open_ones if key in seen.asked])
        late = [key for key, known in failed.items() if known.kind is Kind.NOT_DELIVERED]
        situation = Situation(
            now,
            deliveries,
            standing,
            look.new,
            look.arrivals.waiting,
            running,
            looked,
            failed,
            {key: deadline for key in late if (deadline := deadline_ns(feed, key)) is not None},
            self.policy,
        )
        return reconcile(seen.asked, situation)


def _keys_that_are_over(feed: Feed, keys: Iterable[str], now_ns: int) -> set[str]:
    if not isinstance(feed.partitions, dg.TimeWindowPartitionsDefinition):
        return set(keys)
    with dg.partition_loading_context(effective_dt=dt.datetime.fromtimestamp(now_ns / 1e9, tz=dt.UTC)):
        return {key for key in keys if feed.partitions.has_partition_key(key)}


def _new_keys(feed: Feed, deliveries: list[Delivery]) -> list[Any]:
    if isinstance(feed.partitions, dg.DynamicPartitionsDefinition):
        return [feed.partitions.build_add_request([delivery.partition for delivery in deliveries])]
    return []
