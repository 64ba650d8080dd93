"""The threads that send: I/O around the `Outbox`, and what a process does to threads.

Threads of the package's own, and not a task of the caller's event loop: the same code then serves sync
and async callers, and a message is sent whatever becomes of the request it was recorded in. The threads
are daemons and start when there is something to send. Two things end threads, and both are met here:

* **fork** (gunicorn, multiprocessing): only the thread that forks is there in the child. The child
  forgets what the parent has not sent yet, since the parent sends it, and starts threads of its own.
* **the end of the interpreter**: what is not sent yet is sent within a few seconds; then what is left is
  given up, which logs it.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Protocol

from ._message import Message
from ._outbox import Entry, Failure, Outbox
from ._receipt import log_exception


class Transport(Protocol):
    """What takes messages to the queue."""

    def send(self, batch: Sequence[Message]) -> Sequence[Failure | None]:
        """Sends at most ten messages of as many users, and gives ``None`` for each that was accepted.
        An exception counts as a failure of all of them."""
        ...

    @property
    def is_immediate(self) -> bool:
        """Whether messages are sent by the caller of ``record``, once, and not by a thread."""
        ...

    def forget_connections(self) -> None:
        """Is called in a forked process: connections belong to the parent."""
        ...


THREADS = 4
"""How many batches can be under way at the same time."""

AT_EXIT = 5.0
"""For how many seconds the end of the interpreter waits for what is under way."""


class Sender:
    """Sends messages in the background."""

    def __init__(self, transport: Transport, *, deadline: float, threads: int = THREADS) -> None:
        """``deadline`` is for how many seconds a message is tried."""
        self._transport, self._deadline, self._threads = transport, deadline, threads
        self._reset()
        _senders.add(self)

    def _reset(self) -> None:
        self._outbox = Outbox(self._deadline)
        self._changed = threading.Condition()
        self._workers = self._idle = 0
        self._is_closed = False

    def hand_over(self, message: Message, settle: Callable[[Failure | None], None]) -> None:
        """Takes a message, and calls ``settle`` once when the queue accepted it or it was given up. Never
        waits, unless the transport is immediate."""
        if self._transport.is_immediate:
            _settle(settle, self._send_once([message])[0])
            return
        _close_at_end_of_child()
        with self._changed:
            is_closed = self._is_closed
            if not is_closed:
                self._outbox.add(Entry(message, time.monotonic(), settle))
                self._start_worker()
                self._changed.notify_all()
        if is_closed:
            _settle(settle, Failure("the log is closed"))

    def close(self, timeout: float) -> None:
        """Sends what waits, for at most so many seconds, and then gives up what is left."""
        end = time.monotonic() + timeout
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        while True:
            with self._changed:
                now = time.monotonic()
                if not len(self._outbox) or now >= end:
                    break
                # At the end of the interpreter no thread can be started. Then this one sends.
                batch = [] if self._workers else self._outbox.take(now)
                if not batch:
                    wait = self._outbox.wait(now)
                    self._changed.wait(min(end - now, 0.05 if wait is None else max(wait, 0.01)))
            if batch:
                self._send(batch)
        self.give_up(f"not accepted within {timeout:g} s of closing the log")

    def give_up(self, reason: str) -> None:
        """Gives up what is not accepted yet, also what is under way."""
        with self._changed:
            left = self._outbox.give_up_all()
            self._changed.notify_all()
        for entry in left:
            _settle(entry.settle, Failure(reason))

    def _start_worker(self) -> None:
        """Starts a thread if all that there are have something to do."""
        if self._idle or self._workers >= self._threads or not self._outbox.is_ready():
            return
        worker = threading.Thread(target=self._work, name="activity-logs", daemon=True)
        self._workers += 1
        try:
            worker.start()
        except RuntimeError:
            # The interpreter ends, or the machine has no thread left: others or ``close`` will send.
            self._workers -= 1

    def _work(self) -> None:
        try:
            while batch := self._next_batch():
                self._send(batch)
        finally:
            with self._changed:
                self._workers -= 1

    def _next_batch(self) -> list[Entry]:
        """Waits for a batch. Gives an empty one when the log is closed and nothing is left."""
        with self._changed:
            while not (batch := self._outbox.take(now := time.monotonic())):
                if self._is_closed and not len(self._outbox):
                    return []
                self._idle += 1
                self._changed.wait(self._outbox.wait(now))
                self._idle -= 1
            self._start_worker()
            return batch

    def _send(self, batch: list[Entry]) -> None:
        outcomes = self._send_once([entry.message for entry in batch])
        settled: list[tuple[Entry, Failure | None]] = []
        with self._changed:
            now = time.monotonic()
            for entry, failure in zip(batch, outcomes, strict=True):
                if failure is None:
                    done = self._outbox.accepted(entry, now)
                else:
                    done = self._outbox.failed(entry, failure, now)
                settled += [(one, failure) for one in done]
            self._changed.notify_all()
        for entry, failure in settled:
            _settle(entry.settle, failure)

    def _send_once(self, batch: list[Message]) -> Sequence[Failure | None]:
        try:
            outcomes = list(self._transport.send(batch))
        except Exception as error:  # Of whatever library the transport uses.
            return [Failure(_named(error), is_of_queue=True, cause=error)] * len(batch)
        if len(outcomes) == len(batch):
            return outcomes
        return [Failure("the transport said nothing of some messages")] * len(batch)

    def forget(self) -> None:
        """Begins anew in a forked process."""
        self._reset()
        self._transport.forget_connections()


def _settle(settle: Callable[[Failure | None], None], failure: Failure | None) -> None:
    """Says how a message ended. What that raises must not end a thread, nor keep other messages waiting."""
    try:
        settle(failure)
    except Exception:
        log_exception("the end of a message could not be handled")


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


_senders: weakref.WeakSet[Sender] = weakref.WeakSet()


def _forget_all() -> None:
    for sender in list(_senders):
        sender.forget()


def close_all() -> None:
    """Closes every log of this process, within ``AT_EXIT`` seconds in all."""
    end = time.monotonic() + AT_EXIT
    for sender in list(_senders):
        sender.close(max(0.0, end - time.monotonic()))


def _close_at_end_of_child() -> None:
    """A child of ``multiprocessing`` runs no functions of ``atexit`` when it ends, but finalizers."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is None or multiprocessing.parent_process() is None:
        return
    if _closes_at_end_of.get("pid") != os.getpid():
        from multiprocessing import util  # noqa: PLC0415  Only where it is used in any case.

        _closes_at_end_of["pid"] = os.getpid()
        util.Finalize(None, close_all, exitpriority=0)


_closes_at_end_of: dict[str, int] = {}

# Registered when the package is imported, so that it runs after what was registered later.
atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
