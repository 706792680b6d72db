"""What the platform logs, with the feed, the partition and the run that it belongs to.

Modules log by :func:`logger` through Python's own logging, below the logger ``platform_assets``. Nothing is configured
here: a program that wants the lines adds a handler, as for any other library. Every record has the attributes ``feed``,
``partition`` and ``run``, empty where nothing is known, so a formatter may name them.

No line holds a value of a row, and none the text of an exception that may quote one.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

PACKAGE = "platform_assets"
"""The logger of the whole platform."""

INSTANCE = "platform_assets.instance"
"""The loggers below it write the event log: what they log is not forwarded into it."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class LogContext:
    """What the work under way belongs to. ``feed`` is a feed's name, or the key of an asset that is none of a feed."""

    feed: str = ""
    partition: str = ""
    run: str = ""


NOTHING = LogContext()
_current: ContextVar[LogContext] = ContextVar("platform_assets_log_context", default=NOTHING)


@contextlib.contextmanager
def log_context(*, feed: str = "", partition: str = "", run: str = "") -> Iterator[None]:
    """Name what the work in the block belongs to; what is left out stays as it was around the block."""
    given = {key: value for key, value in (("feed", feed), ("partition", partition), ("run", run)) if value}
    token = _current.set(replace(_current.get(), **given))
    try:
        yield
    finally:
        _current.reset(token)


def in_this_context(work: Callable[P, T]) -> Callable[P, T]:
    """``work`` for another thread, whose lines then belong to what they would belong to in this one."""
    context = copy_context()

    def carried(*args: P.args, **kwargs: P.kwargs) -> T:
        # a context can be entered once at a time, and threads may call this side by side
        return context.copy().run(work, *args, **kwargs)

    return carried


if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class ContextLogger(_Adapter):
    """A logger whose records know what they belong to, as it was where and when they were logged."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**vars(_current.get()), **(kwargs.get("extra") or {})}
        return msg, kwargs


def logger(name: str) -> ContextLogger:
    """The logger of a module of the platform."""
    return ContextLogger(logging.getLogger(name), {})


def in_words(record: logging.LogRecord) -> str:
    """The record's message, followed by ``[feed=... partition=...]`` as far as they are known; always valid text."""
    known = [f"{key}={getattr(record, key)}" for key in ("feed", "partition") if getattr(record, key, "")]
    text = f"{record.getMessage()} [{' '.join(known)}]" if known else record.getMessage()
    # the name of a file may hold what is no text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@contextlib.contextmanager
def forwarded(to: logging.Logger, *, level: str = "INFO") -> Iterator[None]:
    """For the length of the block, what the platform's modules log in this process is in the log ``to`` as well.

    That is the log of a run or a tick. What is below ``level`` stays out of it: each line is a row of the event log.
    """
    target = _Target(to, logging.getLevelNamesMapping()[level])
    with _FORWARDING.at_work(target.level):
        before = _target.set(target)
        try:
            yield
        finally:
            _target.reset(before)


@dataclass(frozen=True)
class _Target:
    """Where the lines of a block go, from which level on."""

    to: logging.Logger
    level: int


# several ticks may be evaluated at once in threads of one process: each has a target of its own
_target: ContextVar[_Target | None] = ContextVar("platform_assets_log_target", default=None)


class _Forwarding(logging.Handler):
    """Hands each record to the target of the block that it was logged in. There as long as there is a block."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks, self._level_before, self._changing = 0, logging.NOTSET, threading.Lock()

    @contextlib.contextmanager
    def at_work(self, level: int) -> Iterator[None]:
        room = logging.getLogger(PACKAGE)
        with self._changing:
            if self._blocks == 0:
                self._level_before = room.level
                room.addHandler(self)
            self._blocks += 1
            # Python's default is to drop what is below a warning
            if room.getEffectiveLevel() > level:
                room.setLevel(level)
        try:
            yield
        finally:
            with self._changing:
                self._blocks -= 1
                if self._blocks == 0:
                    room.removeHandler(self)
                    room.setLevel(self._level_before)

    def emit(self, record: logging.LogRecord) -> None:
        target = _target.get()
        if target is None or record.levelno < target.level or record.name.startswith(INSTANCE):
            return
        try:
            target.to.log(record.levelno, in_words(record))
        except Exception:
            # what is only to be read later fails no work
            self.handleError(record)


_FORWARDING = _Forwarding()
