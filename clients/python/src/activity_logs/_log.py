"""The log: where messages go, and what happens to those that cannot be sent."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from typing import Any, Unpack

from . import _context, _given_up, _message
from ._context import Context, Detached
from ._message import Call, Client, Id, Message
from ._options import LogOptions, OnAltered, OnError, RecordOptions
from ._outbox import Failure
from ._receipt import DeliveryError, Outcome, Receipt, log_exception, logger
from ._sender import Sender

DEADLINE = 30.0
LONGEST_DEADLINE = 240
"""SQS knows a deduplication id for five minutes. A message that was accepted, and whose response was lost,
must not be tried longer."""


class NoContextError(RuntimeError):
    """Something was recorded outside of a request."""

    def __init__(self) -> None:
        """Says what to do instead."""
        super().__init__(
            "record() was called outside of a request, so nobody knows who did this. Is the middleware "
            "installed? In a background job, a thread or a script, use "
            "activity.detached(user_id=...).record(...)"
        )


def warn_of_altered(fields: tuple[str, ...], message: Message) -> None:
    """Logs a warning that names the fields, and shows no values."""
    logger.warning(
        "%s of activity %s: brought within the limits of the log",
        ", ".join(fields),
        message.deduplication_id,
    )


class ActivityLog:
    """Records activities. A process has one, ``activity``; others are for other queues.

    Methods can be called from any thread, in sync and async code.
    """

    def __init__(self, **options: Unpack[LogOptions]) -> None:
        """Takes the same options as :meth:`configure`. Without options, :meth:`configure` comes first."""
        self._sender: Sender | None = None
        self._on_error: OnError = "log"
        self._on_altered: OnAltered = warn_of_altered
        self._redact: frozenset[str] = frozenset()
        self._forget()
        _logs.add(self)
        # Replaced in tests of this package alone.
        self._now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        self._uuid: Callable[[], str] = lambda: str(uuid.uuid4())
        if options:
            self.configure(**options)

    def configure(self, **options: Unpack[LogOptions]) -> None:
        """Says where messages go: see :class:`LogOptions`. What an earlier configuration has not sent yet
        is sent first.

        Raises:
            TypeError: if there is no option of a name.
            ValueError: if an option is invalid.
            ImportError: if there is a ``queue_url``, and boto3 is not installed.
        """
        unknown = sorted(options.keys() - LogOptions.__optional_keys__)
        if unknown:
            raise TypeError(f"unknown options: {', '.join(unknown)}")
        queue_url, transport = options.get("queue_url"), options.get("transport")
        on_error, deadline = options.get("on_error", "log"), options.get("deadline", DEADLINE)
        if on_error not in ("log", "raise"):
            raise ValueError('on_error must be "log" or "raise"')
        if not 0 < deadline <= LONGEST_DEADLINE:
            raise ValueError(f"deadline must be a number of seconds up to {LONGEST_DEADLINE}")
        redact = _message.names(options.get("redact", ()))
        if (queue_url is None) == (transport is None):
            raise ValueError("give either queue_url or transport")
        if transport is None:
            assert queue_url is not None
            from .sqs import SqsTransport  # noqa: PLC0415  Needs the extra.

            transport = SqsTransport(queue_url)
        self.close()
        self._on_error, self._redact = on_error, redact
        self._on_altered = options.get("on_altered", warn_of_altered)
        self._sender = Sender(transport, deadline=deadline)

    @property
    def is_configured(self) -> bool:
        """Whether :meth:`configure` has said where messages go."""
        return self._sender is not None

    def record(self, action: str, **options: Unpack[RecordOptions]) -> Receipt:
        """Records what the user of this request did, and returns at once.

        ``await`` the receipt, or call its ``result()``, to wait until the queue accepted the message.
        ``action`` says what was done, such as ``"create"``; :class:`RecordOptions` says the rest.

        Raises:
            NoContextError: outside of a request. There, it is :meth:`detached`.
            TypeError: if there is no user, or no action.
            ValueError: if the user or the action is invalid.
        """
        context = _context.current()
        if context is None:
            raise NoContextError
        return self._record(context, action, options)

    def detached(
        self,
        *,
        user_id: Id | None = None,
        ip_address: str | None = None,
        user_agent: str | None = None,
    ) -> Detached:
        """A context of its own, for a background job, a thread or a script.

        Either ``activity.detached(user_id=3).record("sync")``, or ``with activity.detached(user_id=3):``
        around code that calls ``record``.
        """
        if user_id is not None:
            user_id = _message.user_id(user_id)
        return Detached(Context(self, Client(ip_address, user_agent), user_id))

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until all that was recorded so far was accepted or given up, at most ``timeout`` seconds.
        Gives whether that is so. On an event loop it is :meth:`aflush`."""
        with self._lock:
            waiting = list(self._open)
        return not concurrent.futures.wait(waiting, timeout).not_done

    async def aflush(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        """The same as :meth:`flush`, without blocking the event loop."""
        with self._lock:
            waiting = [asyncio.wrap_future(future) for future in self._open]
        if not waiting:
            return True
        for future in waiting:
            # Whether a failure is raised to somebody is the receipt's affair, and not said twice.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        _, not_done = await asyncio.wait(waiting, timeout=timeout)
        return not not_done

    def give_up(self, reason: str) -> None:
        """Gives up, and logs, what is not accepted yet: where nothing will run any more."""
        self._give_up_without_user(reason)
        if self._sender is not None:
            self._sender.give_up(reason)

    def close(self, timeout: float = 5.0) -> None:
        """Sends what waits, for at most ``timeout`` seconds, and then gives up, and logs, what is left.
        The end of the interpreter does the same."""
        end = time.monotonic() + timeout
        with self._lock:
            waiting = [future for future, give_up in self._open.items() if give_up]
        # A wait on an event loop would keep that loop from finding out the user.
        if waiting and not _is_on_loop():
            concurrent.futures.wait(waiting, timeout)
            timeout = max(0.0, end - time.monotonic())
        self._give_up_without_user("the log is closed")
        if self._sender is not None:
            self._sender.close(timeout)
            self._sender = None

    def _record(self, context: Context, action: str, options: RecordOptions) -> Receipt:
        sender = self._sender
        if sender is None:
            raise RuntimeError("nothing says where to record: call activity.configure(queue_url=...)")
        given: dict[str, Any] = {**options}
        user_id = given.pop("user_id", None)
        user = None if user_id is None else _message.user_id(user_id)
        client = context.client
        ip_address, user_agent = given.pop("ip_address", None), given.pop("user_agent", None)
        draft = _message.draft(
            Call(action, **given),
            Client(
                client.ip_address if ip_address is None else ip_address,
                client.user_agent if user_agent is None else user_agent,
            ),
            now=self._now(),
            uuid=self._uuid(),
            redact=self._redact,
        )
        outcome = Outcome()
        is_raised, on_altered = self._on_error == "raise", self._on_altered

        def deliver(user: int) -> None:
            message = draft.message(user)
            if draft.altered:
                _tell(on_altered, draft.altered, message)
            sender.hand_over(message, lambda failure: settle(message, failure))

        def settle(message: Message, failure: Failure | None) -> None:
            if failure is None:
                outcome.accept()
                return
            line = _given_up.line_of(message, failure.reason)
            error = DeliveryError(failure.reason, line)
            error.__cause__ = failure.cause
            outcome.fail(error, line, is_raised=is_raised)

        def fail(error: BaseException) -> None:
            line = _given_up.line_without_user(draft, f"{type(error).__name__}: {error}")
            outcome.fail(error, line, is_raised=True)

        def give_up(reason: str) -> None:
            line = _given_up.line_without_user(draft, reason)
            outcome.fail(DeliveryError(f"no user: {reason}", line), line, is_raised=is_raised)

        def if_waiting(then: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda found: then(found) if self._take(outcome.future) else None

        with self._lock:
            self._open[outcome.future] = give_up if user is None else None
        outcome.future.add_done_callback(self._is_done)
        try:
            if user is not None:
                deliver(user)
            else:
                context.with_user(if_waiting(deliver), if_waiting(fail))
        except BaseException:
            self._is_done(outcome.future)
            raise
        return Receipt(outcome)

    def _forget(self) -> None:
        """Begins anew in a forked process, where nobody will settle what the parent has open."""
        self._lock = threading.Lock()
        # What is neither accepted nor given up. What waits for its user is with what gives it up.
        self._open: dict[concurrent.futures.Future[bool], Callable[[str], None] | None] = {}

    def _take(self, future: concurrent.futures.Future[bool]) -> Callable[[str], None] | None:
        """What gives up an activity that waits for its user. From now on, it does not wait any more."""
        with self._lock:
            give_up = self._open.get(future)
            if give_up is not None:
                self._open[future] = None
        return give_up

    def _give_up_without_user(self, reason: str) -> None:
        with self._lock:
            waiting = list(self._open)
        for future in waiting:
            give_up = self._take(future)
            if give_up is not None:
                give_up(reason)

    def _is_done(self, future: concurrent.futures.Future[bool]) -> None:
        with self._lock:
            self._open.pop(future, None)


def _is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _tell(on_altered: OnAltered, fields: tuple[str, ...], message: Message) -> None:
    try:
        on_altered(fields, message)
    except Exception:
        # The function of a caller's must not keep an activity from being recorded.
        log_exception("on_altered raised an exception")


_logs: weakref.WeakSet[ActivityLog] = weakref.WeakSet()


def _give_up_all_without_user() -> None:
    """At the end of the interpreter, no loop runs any more that could find out a user."""
    for log in list(_logs):
        log._give_up_without_user("not found out before the end of the process")  # noqa: SLF001


# Threads that ask for a user end before this; what they recorded is sent when this is over.
atexit.register(_give_up_all_without_user)


def _forget_all() -> None:
    for log in list(_logs):
        log._forget()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

activity = ActivityLog()
"""The log of this process. ``activity.configure(queue_url=...)`` says where it is."""


def record(action: str, **options: Unpack[RecordOptions]) -> Receipt:
    """Records what the user of this request did, in the log of the middleware that the request came
    through; see :meth:`ActivityLog.record`."""
    context = _context.current()
    if context is None:
        raise NoContextError
    return context.record(action, options)
