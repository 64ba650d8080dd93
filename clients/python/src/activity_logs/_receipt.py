"""What ``record`` gives back: for async and sync callers the same object.

``record`` is neither a coroutine function nor a blocking one. The message is handed over when it is
called, so that nothing is lost by a missing ``await``; who wants to know waits for the receipt, with
``await`` or with ``.result()``. A second set of functions (``arecord``) would hand over nothing where a
caller of the wrong one forgets the ``await``, and that is noticed in production only.
"""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import suppress

logger = logging.getLogger("activity_logs")


def log_exception(text: str) -> None:
    """Logs the exception that is being handled. If a log handler raises one, too, both are printed."""
    try:
        logger.exception(text)
    except Exception:
        with suppress(Exception):
            traceback.print_exc()


class DeliveryError(Exception):
    """The queue did not accept a message. ``line`` is what is logged where nobody waits for it."""

    def __init__(self, reason: str, line: str) -> None:
        """``line`` is the JSON line that ``python -m activity_logs.resend`` reads."""
        super().__init__(reason)
        self.line = line


class Outcome:
    """How a call of ``record`` ended. It outlives the receipt, which nobody may have kept."""

    def __init__(self) -> None:
        """An outcome that is not known yet."""
        self.future: Future[bool] = Future()
        # So that cancelling a task that waits does not cancel what is under way.
        self.future.set_running_or_notify_cancel()
        self._line: list[str] = []
        self._is_known = self._is_abandoned = False

    def accept(self) -> None:
        """The queue has the message."""
        self.future.set_result(True)

    def fail(self, error: BaseException, line: str, *, is_raised: bool) -> None:
        """The message is given up. ``line`` is logged: at once, or, if whoever waits is to have the
        error, as soon as it is clear that nobody does."""
        self._line.append(line)
        self._is_known = True
        if is_raised:
            self.future.set_exception(error)
        else:
            self._log()
            self.future.set_result(False)
        if self._is_abandoned:
            self._log()

    def abandon(self) -> None:
        """Nobody will ask any more."""
        # Either this or ``fail`` comes second, and sees what the first has set; ``pop`` logs once.
        self._is_abandoned = True
        if self._is_known:
            self._log()

    def _log(self) -> None:
        try:
            line = self._line.pop()
        except IndexError:
            return
        try:
            logger.error("%s", line)
        except Exception:
            # A log handler of the caller's must not keep the outcome from being known.
            log_exception("a message that was given up could not be logged")


class Receipt:
    """Says whether the queue accepted a message: ``await record(…)`` or ``record(…).result()``.

    Both give ``True`` when the queue accepted the message. If it was given up, they give ``False`` after
    it was logged (``on_error="log"``), or raise :class:`DeliveryError` (``on_error="raise"``); in the
    latter case it is logged if nobody asks.
    """

    __slots__ = ("_is_asked", "_outcome", "_process")

    def __init__(self, outcome: Outcome) -> None:
        """A receipt for one call."""
        self._outcome, self._is_asked, self._process = outcome, False, os.getpid()

    def __await__(self) -> Generator[object, None, bool]:
        """Waits on the event loop of ``asyncio``."""
        return (yield from asyncio.wrap_future(self._ask()).__await__())

    def result(self, timeout: float | None = None) -> bool:
        """Waits in this thread, at most ``timeout`` seconds.

        Raises:
            TimeoutError: if it is still under way then. It goes on.
            RuntimeError: on an event loop, which must not be blocked. There it is ``await``.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._ask().result(timeout)
        raise RuntimeError("result() would block the event loop; use: await record(...)")

    def done(self) -> bool:
        """Whether the outcome is known."""
        return self._outcome.future.done()

    def _ask(self) -> Future[bool]:
        if self._process != os.getpid():
            raise RuntimeError("this was recorded before the process forked; the parent sends it")
        self._is_asked = True
        return self._outcome.future

    def __del__(self) -> None:
        """Lets the failure of what nobody waits for be logged."""
        if not self._is_asked and self._process == os.getpid():
            self._outcome.abandon()
