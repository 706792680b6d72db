"""What is in the outbox is sent, in order, until every channel has taken it; on SQLite and on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from platform_assets.alerts.notice_json import from_json, to_json
from platform_assets.alerts.notices import ChannelError, Event, NoChannel
from platform_assets.alerts.router import CHANGE_SECONDS, SETTLE_SECONDS
from platform_assets.alerts.sending import ABSENT_WAIT, CLAIM_SECONDS, LATE_ATTEMPTS, LONGEST_WAIT, Sender, backoff
from platform_assets.alerts.signals import Signal, Source
from platform_assets.alerts.store import AlertStore, sqlite_url, store_at
from tests.alerts.board import NOW, Board
from tests.support.watched_landing import until


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AlertStore:
    if request.param == "sqlite":
        return store_at(sqlite_url(tmp_path))
    return store_at(request.getfixturevalue("postgres_database"))


@pytest.fixture(name="board")
def _board(store: AlertStore) -> Board:
    return Board(store)


def failed(subject: str, *, partition: str = "", seconds: float = 0) -> Signal:
    at = NOW + dt.timedelta(seconds=seconds)
    return Signal(Source.RUN, subject, at, partition=partition, kind="rejected", code="empty", message="it is empty")


def good(subject: str, *, partition: str = "") -> Signal:
    return Signal(Source.RUN, subject, NOW, good=True, partition=partition)


def test_each_event_is_sent_once_in_the_thread_of_the_first(board: Board) -> None:
    board.take(failed("a"))
    board.send(after=0)
    assert board.channels["team"].taken == [], "it waits for what else fails in the same moment"
    board.send()
    board.take(good("a"))
    board.send()
    board.send(after=CLAIM_SECONDS * 2)
    thread = "thread of a"
    assert board.channels["team"].taken == [("a", Event.OPENED, "", False), ("a", Event.RESOLVED, thread, False)]


def test_what_is_good_before_it_was_told_is_not_told(board: Board) -> None:
    board.take(failed("a"))
    board.take(good("a"))
    board.send()
    assert (board.channels["team"].taken, board.unsent) == ([], [])


def test_changes_are_told_together(board: Board) -> None:
    board.take(failed("a", partition="1"))
    board.send()
    for partition in ("2", "3", "4"):
        board.take(failed("a", partition=partition))
        board.send(after=1)
    board.send(after=CHANGE_SECONDS)
    assert [event for _, event, _, _ in board.channels["team"].taken] == [Event.OPENED, Event.CHANGED]


def test_a_channel_that_is_down_for_an_hour_takes_it_afterwards_and_holds_up_no_other(board: Board) -> None:
    board.to = ("team", "mail")
    board.channels["team"].problems = [ChannelError("it does not answer") for _ in range(16)]
    board.take(failed("a"))
    board.send()
    assert [event for _, event, _, _ in board.channels["mail"].taken] == [Event.OPENED]
    for _ in range(20):
        board.send(after=LONGEST_WAIT)
    assert board.channels["team"].taken == [("a", Event.OPENED, "", True)]
    assert board.unsent == []


def test_what_waits_for_a_channel_is_sent_in_its_order_when_it_takes_a_newer_one(board: Board) -> None:
    board.channels["team"].problems = [ChannelError("it does not answer") for _ in range(12)]
    board.take(failed("x"), failed("y"))
    for _ in range(12):
        board.send(after=LONGEST_WAIT)
    with board.store.transaction() as transaction:
        assert transaction.problems(LATE_ATTEMPTS) == {"team": "it does not answer"}
    board.take(good("x"))
    board.take(failed("z"))
    board.clock.advance(SETTLE_SECONDS)
    board.send(after=0)
    assert [(subject, event) for subject, event, _, _ in board.channels["team"].taken] == [
        ("z", Event.OPENED), ("x", Event.OPENED), ("y", Event.OPENED), ("x", Event.RESOLVED),
    ]  # fmt: skip
    with board.store.transaction() as transaction:
        assert transaction.problems(LATE_ATTEMPTS) == {}


def test_a_channel_that_is_not_in_the_file_for_a_while_costs_no_attempt(board: Board) -> None:
    board.channels["team"].problems = [NoChannel("alerts.yaml has no channel team any more") for _ in range(20)]
    board.take(failed("x"))
    board.send()
    for _ in range(19):
        board.send(after=ABSENT_WAIT)
    with board.store.transaction() as transaction:
        assert [row["attempts"] for row in transaction.unsent()] == [0]
    board.send(after=ABSENT_WAIT)
    assert board.channels["team"].taken == [("x", Event.OPENED, "", False)]


@pytest.mark.parametrize(("given", "waits"), [(7.0, 7.0), (None, backoff(1))])
def test_a_receiver_says_when_to_come_again(board: Board, given: float | None, waits: float) -> None:
    board.channels["team"].problems = [ChannelError("too many", retry_after=given)]
    board.take(failed("a"))
    board.send()
    board.send(after=waits - 0.5)
    assert board.channels["team"].taken == []
    board.send(after=1)
    assert len(board.channels["team"].taken) == 1


def test_the_waits_grow_up_to_five_minutes() -> None:
    assert [backoff(attempt) for attempt in (1, 2, 3, 8, 9, 1000)] == [2, 4, 8, 256, 300, 300]
    assert backoff(1, permanent=True) == LONGEST_WAIT


def test_what_was_claimed_by_one_who_died_is_sent_again_and_says_so(board: Board) -> None:
    board.take(failed("a"))
    board.clock.advance(SETTLE_SECONDS)
    with board.store.transaction() as transaction:
        assert len(transaction.claim(board.clock(), board.clock() + CLAIM_SECONDS, 10)) == 1
    board.send(after=1)
    assert board.channels["team"].taken == [], "whoever has claimed it may be about to send it"
    board.send(after=CLAIM_SECONDS)
    assert board.channels["team"].taken == [("a", Event.OPENED, "", True)]


def test_a_channel_that_hangs_holds_up_no_other_and_sends_in_the_end(board: Board) -> None:
    board.to = ("team", "mail")
    goes_on = threading.Event()
    board.channels["team"].waits_for = goes_on
    board.take(failed("a"))
    board.send(seconds=0.5)
    assert [event for _, event, _, _ in board.channels["mail"].taken] == [Event.OPENED]
    goes_on.set()
    until(lambda: board.unsent == [])
    assert [event for _, event, _, _ in board.channels["team"].taken] == [Event.OPENED]


def test_a_mistake_of_a_channel_is_tried_again_and_its_text_is_not_kept(board: Board) -> None:
    board.channels["team"].problems = [RuntimeError("https://example.com/a-secret")]  # type: ignore[list-item]
    board.take(failed("a"))
    board.send()
    with board.store.transaction() as transaction:
        assert [row["problem"] for row in transaction.unsent()] == ["RuntimeError in the channel"]
    board.send(after=5)
    assert len(board.channels["team"].taken) == 1


def test_two_who_send_at_once_send_each_notice_once(board: Board) -> None:
    for number in range(40):
        board.take(failed(f"asset {number}"))
    board.clock.advance(SETTLE_SECONDS)
    threads = [
        threading.Thread(
            target=Sender(board.store, board.channel, clock=board.clock).send, kwargs={"seconds": 30, "linger": 0}
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    subjects = [subject for subject, *_ in board.channels["team"].taken]
    assert sorted(subjects) == sorted(set(subjects))
    assert len(subjects) == 40


def mute(board: Board, subject: str, *, seconds: float = 60) -> None:
    with board.store.transaction() as transaction:
        transaction.mute(subject, until=board.clock() + seconds, who="me", why="known")


def test_what_is_muted_is_told_when_the_mute_is_over(board: Board) -> None:
    mute(board, "a")
    board.take(failed("a"), failed("other"))
    board.send()
    assert [subject for subject, *_ in board.channels["team"].taken] == ["other"]
    with board.store.transaction() as transaction:
        assert sorted(each.subject for each in transaction.incidents()) == ["a", "other"]
    board.clock.advance(61)
    board.take()
    board.send()
    assert [subject for subject, *_ in board.channels["team"].taken] == ["other", "a"]


def test_the_end_of_what_was_told_is_told_while_it_is_muted(board: Board) -> None:
    board.take(failed("a"))
    board.send()
    mute(board, "a")
    board.take(good("a"))
    board.send()
    assert [event for _, event, _, _ in board.channels["team"].taken] == [Event.OPENED, Event.RESOLVED]


def test_one_muted_asset_silences_no_incident_of_several(board: Board) -> None:
    lost = {"kind": "infrastructure", "code": "warehouse:connection"}
    mute(board, "a")
    board.take(replace(failed("a"), **lost), replace(failed("other"), **lost))
    board.send()
    assert len(board.channels["team"].taken) == 1


def test_what_is_left_of_a_cause_is_told_after_a_long_downtime(board: Board) -> None:
    board.take(failed("a"), failed("b"))
    board.take(good("a"))
    board.clock.advance(86_400)
    board.take()
    board.send()
    assert board.channels["team"].taken[-1][:2] == ("b", Event.OPENED)


def test_what_a_channel_that_is_gone_has_not_taken_goes_to_another_one(board: Board) -> None:
    board.to = ("gone", "team")
    board.take(failed("a"))
    board.to = ("gone",)
    board.take(failed("other"))
    with board.store.transaction() as transaction:
        transaction.reroute({"team"}, "team")
    board.send()
    assert sorted(subject for subject, *_ in board.channels["team"].taken) == ["a", "other"]
    assert board.unsent == []


def test_what_was_over_long_ago_is_forgotten(board: Board) -> None:
    board.take(failed("a"), failed("other"))
    board.send()
    board.take(good("a"))
    board.send()
    with board.store.transaction() as transaction:
        assert transaction.prune(board.clock.now + dt.timedelta(days=1)) == 1
        assert [each.subject for each in transaction.latest_incidents(10)] == ["other"]
        assert len(transaction.told(transaction.incidents()[0].id)) == 1


def test_a_transaction_that_fails_leaves_nothing(board: Board) -> None:
    def fail() -> None:
        with board.store.transaction() as transaction:
            board.router.take(transaction, [failed("a")], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with board.store.transaction() as transaction:
        assert (transaction.incidents(), transaction.unsent()) == ([], [])


def test_a_notice_is_the_same_from_json(board: Board) -> None:
    board.take(failed("a", partition="1"))
    with board.store.transaction() as transaction:
        (row,) = transaction.unsent()
    notice = from_json(row["body"])
    assert to_json(notice) == row["body"]
    assert ("Partitions", "1") in notice.facts
    assert ("Downstream", "1 asset") in notice.facts
